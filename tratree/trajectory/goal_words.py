"""Goals compared by their words, folded: case, space, articles and the usual rewordings."""

from __future__ import annotations

import re
import unicodedata

from tratree.trajectory.words import words

_DROPPED = frozenset(
    words(
        "a an the some one your my our task goal objective instruction description is are be "
        "to will please now here new of and it them on in into onto at with under by for me i "
        "you we need want would like am m looking look find put place get give show buy "
        "examine search want can could then that this so"
    )
)
_SAME = {
    "heat": "hot",
    "heated": "hot",
    "cooled": "cool",
    "cold": "cool",
    "chilled": "cool",
    "chill": "cool",
    "cleaned": "clean",
    "washed": "clean",
    "wash": "clean",
    "rinse": "clean",
    "rinsed": "clean",
    "pair": "two",
    "2": "two",
}


_PLURALS = (
    ("ves", "f"),
    ("fe", "f"),
    ("oes", "o"),
    ("xes", "x"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("sses", "ss"),
    ("ss", "ss"),
    ("s", ""),
)

KINDS = frozenset({"hot", "cool", "clean", "two"})
"""Words that make another goal of one that has all its other words."""


def _singular(word: str) -> str:
    """Return a word without the ending of its plural; not always a word, but one for both."""
    if len(word) < 4:
        return word
    for ending, replacement in _PLURALS:
        if word.endswith(ending):
            return word.removesuffix(ending) + replacement
    return word


def goal_words(text: str) -> tuple[str, ...]:
    """Return the words of a goal that carry its meaning, in their order.

    >>> goal_words("Put a clean mug in the Cabinet.") == goal_words("put clean mugs on cabinet")
    True
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = []
    for word in re.findall(r"[^\W_]+", folded):
        if word in _DROPPED:
            continue
        word = _SAME.get(word, word)
        words.append(_singular(word))
    return tuple(words)
