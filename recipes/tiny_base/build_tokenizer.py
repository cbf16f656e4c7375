"""Build the word-level tokenizer that both tiny models share.

Its vocabulary is closed: every word that ALFWorld can show or understand (its text grammar, its
goal sentences, the names of things, numbers), and the few words in which thoughts are worded.

    python recipes/tiny_base/build_tokenizer.py --output tratree/models/tiny/weak
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from recipes.tiny_tokenizer import SPECIAL_TOKENS, with_special_tokens
from tratree.envs.alfworld.package import ALFRED_TWL2_PATH, constants, goal_library

PUNCTUATION = ".,;()[]"
LARGEST_NUMBER = 60
THOUGHTS = "Thought: Action: find take clean heat cool put in on turn on off open close look"
REFUSAL = "Nothing happens."
OLD_WORDING = "You put the in/on the ."

_PLACEHOLDER = re.compile(r"\[.*?\]|\{.*?\}|#.*?#|\\n")
_ARTICLES = "a the and nothing"


def vocabulary() -> list[str]:
    """Return all tokens: the special ones, then words in a fixed order."""
    grammar = Path(ALFRED_TWL2_PATH).read_text(encoding="utf-8")
    texts = [
        _PLACEHOLDER.sub(" ", text)
        for text in re.findall(r'(?:"rhs":|template ::) "(.*)"', grammar)
    ]
    for goal in goal_library.gdict.values():
        texts += [re.sub(r"\{.*?\}s?", " ", template) for template in goal["templates"]]
    texts += [THOUGHTS, REFUSAL, OLD_WORDING, _ARTICLES, " ".join(PUNCTUATION)]
    words = {word for text in texts for word in _split(text)}
    words |= {name.lower() for name in (*constants.OBJECTS, *constants.RECEPTACLES)}
    numbers = [str(number) for number in range(LARGEST_NUMBER + 1)]
    return [*SPECIAL_TOKENS, *sorted(words - set(numbers)), *numbers]


def build() -> PreTrainedTokenizerFast:
    """Return the tokenizer, with the chat template that the project uses for it."""
    tokens = vocabulary()
    tokenizer = Tokenizer(
        models.WordLevel({token: index for index, token in enumerate(tokens)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(f"[{re.escape(PUNCTUATION)}]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    return with_special_tokens(tokenizer)


def _split(text: str) -> list[str]:
    return re.findall(rf"[{re.escape(PUNCTUATION)}]|[^\s{re.escape(PUNCTUATION)}]+", text)


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
