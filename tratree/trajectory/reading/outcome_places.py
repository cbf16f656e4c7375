"""Places of a record that may state its outcome: its fields, those within, and its last turns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from tratree.trajectory.reading.outcome_names import (
    NO_PLACES,
    OF_A_PROGRAM,
    SETTINGS,
    UNKNOWN,
)
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.step_fields import is_step
from tratree.trajectory.reading.values import unpacked

_DEEPEST = 5
Place = Mapping[str, tuple[str, Any]]
"""Fields as (name in messages, value), by their names in small letters without others."""

Told = TypeVar("Told", bool, float, list[float])


def places_of(record: Mapping[str, Any]) -> Iterator[Place]:
    """Yield the fields of a record, then of objects in it, as (name in messages, value) by name."""
    level = [("", record)]
    for _ in range(_DEEPEST):
        inner = []
        for where, place in level:
            yield folded_fields(place, where)
            for key, value in place.items():
                value = unpacked(value)
                value = _by_name(value)
                last = value[-1] if isinstance(value, list) and value else value
                listed = last is not value and (is_step(last) or is_message(last))
                if isinstance(last, Mapping) and not listed and not _is_no_place(key):
                    inner.append((f"{where}{key}.", last))
        level = inner


def _by_name(value: Any) -> Any:
    """Return a list of names and their values as an object, and of a program's runs the first."""
    if not isinstance(value, list) or not value or not all(isinstance(v, Mapping) for v in value):
        return value
    for name, told in itertools.product(("name", "metric", "key"), ("value", "result", "score")):
        if all({name, told} <= item.keys() for item in value):
            return {str(item[name]): item[told] for item in value}
    runs = all(not OF_A_PROGRAM.isdisjoint(item) for item in value[1:])
    return value[0] if runs and len(value) > 1 else value


def _is_no_place(key: Any) -> bool:
    name = _letters(key)
    return name in NO_PLACES or name.endswith(SETTINGS)


def last_turns(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the last item of each list of steps or messages."""
    lasts = [value[-1] for value in record.values() if isinstance(value, list) and value]
    turns = [last for last in lasts if is_step(last) or is_message(last)]
    return [{k: v for k, v in turn.items() if k != "status"} for turn in turns]


def folded_fields(place: Mapping[str, Any], where: str) -> Place:
    """Return fields by their names in small letters: ``meta.isSuccess`` is ``issuccess``."""
    folded: dict[str, tuple[str, Any]] = {}
    of_a_program = not OF_A_PROGRAM.isdisjoint(place)
    for key, value in place.items():
        if key == "status" and of_a_program:
            continue
        name = _letters(re.split(r"[./]", str(key))[-1])
        unknown = isinstance(value, str) and value.strip().lower() in UNKNOWN
        if (
            value not in (None, [])
            and not unknown
            and (name not in folded or name == _letters(key))
        ):
            folded[name] = (f"{where}{key}", unpacked(value))
    return folded


def _letters(key: Any) -> str:
    return re.sub("[^a-z]", "", str(key).lower())


def first_told(
    places: Sequence[Place], names: re.Pattern[str], read: Callable[[str, Any], Told | None]
) -> Told | None:
    """Return what the outermost place says under one of the names, the plainest first."""
    for place in places:
        for name in sorted(
            filter(names.fullmatch, place), key=lambda n: ("score" not in n, len(n))
        ):
            found = read(*place[name])
            if found is not None:
                return found
    return None
