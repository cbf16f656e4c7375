"""Build the word-level tokenizer that both tiny models share.

Its vocabulary is closed: the words that ALFWorld can show or understand (its text grammar, its goal
sentences, the names of things, numbers), those of ScienceWorld's tasks in the default run
(``scienceworld_words.txt``), those of WebShop's generated catalogue, and the few words in which
thoughts are worded. Only numbers and the identifiers of products are split into pieces.

    python experiments/tiny_base/build_tokenizer.py --output tratree/models/tiny/weak
"""

from __future__ import annotations

import argparse
import itertools
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import tratree.envs.alfworld  # noqa: F401 (makes the imports of alfworld below safe)
from tratree.cli.compose import compose_config
from tratree.envs.registry import prepare_data
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.envs.webshop.pages import SEPARATOR, Page, PageStyle, text

from alfworld.gen import constants, goal_library  # isort: skip (after the lines above)
from alfworld.info import ALFRED_TWL2_PATH  # isort: skip

SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<user>", "<agent>", "<end>")
SCIENCEWORLD_WORDS = Path(__file__).with_name("scienceworld_words.txt")
LARGEST_NUMBER = 60
"""Larger numbers are written in pieces."""
CONTINUING = "##"
"""Begins a piece that is not the first of its word."""
ACTIONS = ("search[", "click[")
THOUGHTS = (
    "Thought: Action: find take clean heat cool put in on turn on off open close look "
    "search compare check features no good choose go back buy next"
)
REFUSAL = "Nothing happens."
OLD_WORDING = "You put the in/on the ."
CONTEXT = 1024

_ISOLATED = r"\[SEP\]|search\[|click\[|[,;()\[\]]|\.(?=[.)\]]*$)"
_PLACEHOLDER = re.compile(r"\[.*?\]|\{.*?\}|#.*?#|\\n")
_ARTICLES = "a the and nothing"


def split_words(text: str) -> list[str]:
    """Split a text as the tokenizer does, pieces of words apart."""
    return [
        part
        for word in text.split()
        for part in re.findall(rf"{_ISOLATED}|.+?(?={_ISOLATED}|$)", word)
    ]


def vocabulary() -> list[str]:
    """Return all tokens: the special ones, then words in a fixed order, then pieces.

    An identifier of a product has two, one for its beginning and one for its end.
    """
    texts = itertools.chain(
        _alfworld(),
        _webshop(),
        [SCIENCEWORLD_WORDS.read_text("utf-8"), *ACTIONS, "]", "-", THOUGHTS],
    )
    identifiers = re.compile(r"B0\w+|\d+")
    words = {w for text in texts for w in split_words(text) if not identifiers.fullmatch(w)}
    numbers = [str(number) for number in range(LARGEST_NUMBER + 1)]
    syllables = [a + b for a, b in itertools.product("BDKLMNPRST", "AEIOU")]
    pieces = [CONTINUING + piece for piece in [*"0123456789", ":", *syllables]]
    return [*SPECIAL_TOKENS, *sorted(words), *numbers, *("B0" + s for s in syllables), *pieces]


def build() -> PreTrainedTokenizerFast:
    """Return the tokenizer, with the chat template that the project uses for it."""
    tokens = {token: index for index, token in enumerate(vocabulary())}
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
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<end>",
        additional_special_tokens=["<user>", "<agent>"],
        model_max_length=CONTEXT,
    )
    template = files("tratree.policy") / "templates" / "tiny.jinja"
    fast.chat_template = template.read_text(encoding="utf-8")
    return fast


def _alfworld() -> Iterator[str]:
    """Yield texts with all words of ALFWorld."""
    grammar = Path(ALFRED_TWL2_PATH).read_text(encoding="utf-8")
    for template in re.findall(r'(?:"rhs":|template ::) "(.*)"', grammar):
        yield _PLACEHOLDER.sub(" ", template)
    for goal in goal_library.gdict.values():
        for template in goal["templates"]:
            yield re.sub(r"\{.*?\}s?", " ", template)
    yield from (name.lower() for name in (*constants.OBJECTS, *constants.RECEPTACLES))
    yield from (REFUSAL, OLD_WORDING, _ARTICLES)


def _webshop() -> Iterator[str]:
    """Yield the instructions and pages of a generated catalogue, the last page of all apart."""
    settings = asdict(compose_config(["env=webshop"]).env)
    with tempfile.TemporaryDirectory() as folder:
        prepare_data(settings, Path(folder), lambda done, total: None)
        products = read_products(Path(folder), None)
        goals = [*synthetic_goals(products, 0), *human_goals(products, Path(folder), 0)]
    style = PageStyle(results=5, repeat_instruction=False, attributes_button=True)
    yield SEPARATOR
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
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = build()
    tokenizer.save_pretrained(arguments.output)
    print(f"{len(tokenizer)} tokens in {arguments.output}")


if __name__ == "__main__":
    main()
