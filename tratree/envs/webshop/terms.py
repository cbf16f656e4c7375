"""Splitting texts into index terms as Lucene's standard tokenizer and English analyzer do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from tratree.envs.webshop import characters
from tratree.envs.webshop.characters import character_classes

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
    words = (text[start:end].lower() for start, end in _spans(text))
    bare = (word[:-2] if word.endswith(_POSSESSIVE) else word for word in words)
    stem = _stemmer()
    return [stem(word) for word in bare if word not in _STOPPED]


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end.

    A word is one by the rules of Unicode's annex 29, an emoji, or one Chinese or Japanese
    character.
    """
    return [match.span() for match in _word().finditer(text.translate(character_classes()))]


@cache
def _word() -> re.Pattern[str]:
    """Return the rule of a word, for texts of the letters of `character_classes`."""
    one_of = character_classes().pattern
    letter, digit = one_of(characters.LETTER), one_of(characters.DIGIT)
    katakana, connector = one_of(characters.KATAKANA), one_of(characters.CONNECTOR)
    between_letters = one_of(characters.BETWEEN_LETTERS)
    between_digits = one_of(characters.BETWEEN_DIGITS)
    attached = f"{one_of(characters.ATTACHED)}*"
    emoji = rf"(?:{one_of(characters.EMOJI)}{attached}|{one_of(characters.FLAG)}{{2}})"
    part = rf"""(?:
        {letter}{attached}(?:{between_letters}{attached}(?={letter}))?
        | {digit}{attached}(?:{between_digits}{attached}(?={digit}))?
        | {katakana}{attached}
    )"""
    return re.compile(
        rf"""
        {connector}*{part}(?:{connector}|{part})*
        | {emoji}(?:(?<={one_of(characters.JOINER)}){emoji})*
        | {one_of(characters.IDEOGRAPH)}{attached}
        """,
        re.VERBOSE,
    )


@cache
def _stemmer() -> Callable[[str], str]:
    """Return Martin Porter's own version of his stemmer, which is Lucene's too."""
    from nltk.stem.porter import PorterStemmer  # takes a second

    stemmer = PorterStemmer(PorterStemmer.MARTIN_EXTENSIONS)
    return lru_cache(2**18)(stemmer.stem)
