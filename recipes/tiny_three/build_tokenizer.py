"""Build the word-level tokenizer that a weak and a strong tiny model of one environment share.

Its vocabulary is closed: the words of ScienceWorld's tasks in the default run
(``scienceworld_words.txt``), or those of WebShop's generated catalogues, and the few words in which
thoughts are worded. Only numbers and the identifiers of products are split into pieces.

    python recipes/tiny_three/build_tokenizer.py webshop --output FOLDER
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from recipes.tiny_tokenizer import SPECIAL_TOKENS, with_special_tokens
from tratree.composition import compose_config
from tratree.envs.registry import prepare_data
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.envs.webshop.pages import SEPARATOR, Page, PageStyle, text

SCIENCEWORLD_WORDS = Path(__file__).with_name("scienceworld_words.txt")
LARGEST_NUMBER = 60
"""Larger numbers are written in pieces."""
CONTINUING = "##"
"""Begins a piece that is not the first of its word."""
MARKS = "Thought: Action:"
SHOPPING = "search[ click[ ] - search compare check features no good choose go back buy"
MOST_ANSWERS = 20
"""Of a question what an action means; they are numbered."""

_ISOLATED = r"\[SEP\]|search\[|click\[|[,;()\[\]]|\.(?=[.)\]]*$)"
_ASIN = re.compile(r"(B0[A-Z]+)(\d+)")


def split_words(text: str) -> list[str]:
    """Split a text as the tokenizer does, pieces of words apart."""
    return [
        part
        for word in text.split()
        for part in re.findall(rf"{_ISOLATED}|.+?(?={_ISOLATED}|$)", word)
    ]


def vocabulary(environment: str) -> list[str]:
    """Return all tokens: the special ones, then words in a fixed order, then pieces.

    An identifier of a product has two: its family, and the member of it.
    """
    texts = [MARKS, *{"scienceworld": _scienceworld, "webshop": _webshop}[environment]()]
    found = {word for text in texts for word in split_words(text)}
    words, pieces = set(), {f"{CONTINUING}{digit}" for digit in "0123456789"}
    for word in found:
        if match := _ASIN.fullmatch(word):
            words.add(match[1])
            pieces.add(CONTINUING + match[2])
        elif not word.isdigit():
            words.add(word)
    numbers = [str(number) for number in range(LARGEST_NUMBER + 1)]
    return [*SPECIAL_TOKENS, *sorted(words), *numbers, *sorted(pieces)]


def build(environment: str) -> PreTrainedTokenizerFast:
    """Return the tokenizer, with the chat template that the project uses for it."""
    tokens = {token: index for index, token in enumerate(vocabulary(environment))}
    tokenizer = Tokenizer(
        models.WordPiece(tokens, unk_token="<unk>", continuing_subword_prefix=CONTINUING)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(_ISOLATED), "isolated")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix=CONTINUING, cleanup=True),
            decoders.Fuse(),
            decoders.Replace(Regex(r"(?<=[\[(]) | (?=[\])])"), ""),
        ]
    )
    return with_special_tokens(tokenizer)


def _scienceworld() -> Iterator[str]:
    """Yield texts with all words of the default run's tasks."""
    yield SCIENCEWORLD_WORDS.read_text("utf-8")
    yield " ".join(f"{number}:" for number in range(MOST_ANSWERS))


def _webshop() -> Iterator[str]:
    """Yield the instructions and pages of a generated catalogue, the last page of all apart."""
    settings = asdict(compose_config(["env=webshop"]).env)
    with tempfile.TemporaryDirectory() as folder:
        prepare_data(settings, Path(folder), lambda done, total: None)
        products = read_products(Path(folder), None)
        goals = [*synthetic_goals(products, 0), *human_goals(products, Path(folder), 0)]
    style = PageStyle(results=5, repeat_instruction=False, attributes_button=True)
    yield from (SEPARATOR, SHOPPING)
    yield from {text(Page(), goal.instruction, style) for goal in goals}
    found = tuple(products)
    for number in range(1, 1 + len(found) // style.results):
        yield text(Page("results", found, number), "", style)
    for product in products:
        for kind in ("item", "Description", "Features", "Reviews", "Attributes"):
            yield text(Page(kind, product=product), "", style)


def main() -> None:
    """Build the tokenizer and save it into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", choices=("scienceworld", "webshop"))
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = build(arguments.environment)
    tokenizer.save_pretrained(arguments.output)
    print(f"{len(tokenizer)} tokens in {arguments.output}")


if __name__ == "__main__":
    main()
