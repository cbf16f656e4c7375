"""Classes of characters for splitting texts into words, by a table that never changes.

Libraries follow the newest Unicode version, in which a star is not an emoji any more; lengths of
documents and rankings would change with it. The table ``characters.txt`` holds the
properties of the version that gives the lengths of the original index, Unicode 16.0. It was
written, with the library regex 2024.11.6 installed, by

    python -m tratree.envs.webshop.characters > tratree/envs/webshop/characters.txt
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LETTER, DIGIT, KATAKANA, CONNECTOR = "letter", "digit", "katakana", "connector"
BETWEEN_LETTERS, BETWEEN_DIGITS = "between-letters", "between-digits"
ATTACHED, JOINER, EMOJI, FLAG, IDEOGRAPH = "attached", "joiner", "emoji", "flag", "ideograph"

PROPERTIES = {
    LETTER: r"[\p{WB=ALetter}\p{WB=Hebrew_Letter}]",
    DIGIT: r"\p{WB=Numeric}",
    KATAKANA: r"\p{WB=Katakana}",
    CONNECTOR: r"\p{WB=ExtendNumLet}",
    BETWEEN_LETTERS: r"[\p{WB=MidLetter}\p{WB=MidNumLet}\p{WB=Single_Quote}:]",
    BETWEEN_DIGITS: r"[\p{WB=MidNum}\p{WB=MidNumLet}\p{WB=Single_Quote}]",
    ATTACHED: r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]",
    JOINER: r"\u200d",
    EMOJI: r"\p{Extended_Pictographic}",
    FLAG: r"\p{Regional_Indicator}",
    IDEOGRAPH: r"[\p{Script=Han}\p{Script=Hiragana}]",
}
"""The properties in the language of `regex`, for the script; WB is Word_Break of annex 29."""

_TABLE = Path(__file__).with_name("characters.txt")


class Classes(dict[int, str]):
    """One letter for every character, for `str.translate`: equal letters, equal properties."""

    def __init__(self) -> None:
        super().__init__()
        self._starts, self._letters, self._properties = _read()

    def __missing__(self, code: int) -> str:
        self[code] = letter = self._letters[bisect_right(self._starts, code) - 1]
        return letter

    def pattern(self, *properties: str) -> str:
        """Return a class of `re` with the letters that have one of the properties."""
        letters = (
            letter for letter, own in self._properties.items() if not own.isdisjoint(properties)
        )
        return f"[{''.join(letters)}]"


@cache
def character_classes() -> Classes:
    """Return the table; it is read once."""
    return Classes()


def _read() -> tuple[list[int], list[str], dict[str, frozenset[str]]]:
    """Return where runs of equal characters begin, the letter of each, and the letters' meaning."""
    letters: dict[frozenset[str], str] = {}
    starts, runs = [], []
    for line in _TABLE.read_text("ascii").splitlines():
        start, *properties = line.split()
        own = frozenset(properties)
        starts.append(int(start, 16))
        runs.append(letters.setdefault(own, chr(ord("A") + len(letters))))
    return starts, runs, {letter: own for own, letter in letters.items()}


def _runs() -> Iterator[str]:
    """Yield a line for each run of characters with equal properties: where it begins, and them."""
    import regex

    patterns = {name: regex.compile(pattern) for name, pattern in PROPERTIES.items()}
    before = None
    for code in range(sys.maxunicode + 1):
        own = [name for name, pattern in patterns.items() if pattern.match(chr(code))]
        if own != before:
            yield " ".join([f"{code:x}", *own])
            before = own


if __name__ == "__main__":
    print("\n".join(_runs()))
