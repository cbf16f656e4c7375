"""Splitting texts into index terms as Lucene's standard tokenizer and English analyzer do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import regex

_LETTER = r"[\p{WB=ALetter}\p{WB=Hebrew_Letter}]"
_BETWEEN_LETTERS = r"[\p{WB=MidLetter}\p{WB=MidNumLet}\p{WB=Single_Quote}:]"
_BETWEEN_DIGITS = r"[\p{WB=MidNum}\p{WB=MidNumLet}\p{WB=Single_Quote}]"
_DIGIT, _KATAKANA, _CONNECTOR = r"\p{WB=Numeric}", r"\p{WB=Katakana}", r"\p{WB=ExtendNumLet}"
_ATTACHED = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
_EMOJI = rf"(?:\p{{Extended_Pictographic}}{_ATTACHED}|\p{{Regional_Indicator}}{{2}})"
_PART = rf"""(?:
    {_LETTER}{_ATTACHED}(?:{_BETWEEN_LETTERS}{_ATTACHED}(?={_LETTER}))?
    | {_DIGIT}{_ATTACHED}(?:{_BETWEEN_DIGITS}{_ATTACHED}(?={_DIGIT}))?
    | {_KATAKANA}{_ATTACHED}
)"""
_WORD = regex.compile(
    rf"""(?x)
    {_CONNECTOR}*{_PART}(?:{_CONNECTOR}|{_PART})*
    | {_EMOJI}(?:(?<=\u200d){_EMOJI})*
    | [\p{{Script=Han}}\p{{Script=Hiragana}}]{_ATTACHED}
    """
)
"""A word by the rules of Unicode's annex 29, an emoji, or one Chinese or Japanese character."""

_POSSESSIVE = ("'s", "’s")
_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with"
)
_STOPPED = frozenset(_STOP_WORDS.split())


def terms(text: str) -> list[str]:
    """Return the words of a text, lower-case and stemmed, without stop words.

    >>> terms("The men's running shoes, size 9.5")
    ['men', 'run', 'shoe', 'size', '9.5']
    """
    words = (word.lower() for word in _WORD.findall(text))
    bare = (word[:-2] if word.endswith(_POSSESSIVE) else word for word in words)
    stem = _stemmer()
    return [stem(word) for word in bare if word not in _STOPPED]


@cache
def _stemmer() -> Callable[[str], str]:
    """Return Martin Porter's own version of his stemmer, which is Lucene's too."""
    from nltk.stem.porter import PorterStemmer  # takes a second

    stemmer = PorterStemmer(PorterStemmer.MARTIN_EXTENSIONS)
    return lru_cache(2**18)(stemmer.stem)
