"""The environment of a record: named in it, by its id, or by words that only one has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.values import unpacked
from tratree.trajectory.words import words

_FIELDS = words(
    "environment env env_name env_type environment_name benchmark dataset data_source domain "
    "source task_source game_type"
)
_NAMES = {
    "alfworld": re.compile(r"alf[-_ ]?world|alfred", re.IGNORECASE),
    "scienceworld": re.compile(r"sci(?:ence)?[-_ ]?world", re.IGNORECASE),
    "webshop": re.compile(r"web[-_ ]?shop", re.IGNORECASE),
}
_WORDS = {
    "alfworld": re.compile(r"You are in the middle of a room\. Looking quickly around you"),
    "scienceworld": re.compile(r"This (?:room is called the|outside location is called)"),
    "webshop": re.compile(r"WebShop \[SEP\]|Instruction: \[SEP\]"),
}


def environment_of(
    record: Mapping[str, Any], names: Sequence[str], texts: Sequence[str]
) -> str | None:
    """Return the environment of a record, of names and the user's texts in it; None if untold."""
    inner = [record, *(v for v in map(unpacked, record.values()) if isinstance(v, Mapping))]
    said = [part.get(field) for part in inner for field in _FIELDS]
    for place in (said, names):
        for value in place:
            for name, pattern in _NAMES.items():
                if isinstance(value, str) and len(value) < 200 and pattern.search(value):
                    return name
    found = {n for n, pattern in _WORDS.items() if any(pattern.search(text) for text in texts)}
    return found.pop() if len(found) == 1 else None
