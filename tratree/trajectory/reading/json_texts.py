"""The values of a text in JSON, in every arrangement, or as Python prints them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tratree.trajectory.reading.events import is_event
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.step_fields import is_step
from tratree.trajectory.reading.values import literal, unpacked
from tratree.trajectory.reading.wrappers import unwrapped

_LISTS_ON_LINES = re.compile(r"\s*\[.*\][ \t\r]*\n\s*\[")
"""The beginning of a file with a list in each line: ``.`` ends with the line."""

_DECODER = json.JSONDecoder(
    parse_constant=lambda name: None if name == "NaN" else float(name), strict=False
)
"""Pandas writes an unknown number as NaN, and people put line breaks into strings."""

BLANKS = " \t\r\n\0\x1e\ufeff,"
"""Characters between values."""

_HEAD = re.compile(r'[\s\0\x1e\ufeff,]*\[?\s*(\{\s*"[^"]*"\s*:)')
"""The beginning of a file and its first object, up to that's first value."""


@dataclass(frozen=True)
class Damage:
    """A place that cannot be read.

    Attributes:
        reason: The reason, in a line.
    """

    reason: str


def parse_json(text: str) -> Iterator[Any]:
    """Yield the values of JSON lists, or of JSON values one after the other, as on lines.

    After a damaged one, reading goes on where another object begins as the first of all did, or
    outside of a list with a line.
    """
    lists = text.lstrip(BLANKS).startswith("[") and not _LISTS_ON_LINES.match(text)
    first = _HEAD.match(text)
    begin = rf"(?<![:\[])(?<![:\[] ){re.escape(first[1])}" if first else r"(?!)"
    within, between = re.compile(begin), re.compile(rf"{begin}|\n\{{")
    listed, position, seen, line = False, 0, 0, 1
    while (position := _skip(text, position)) < len(text):
        if listed and text[position] == "]":
            listed, position = False, position + 1
            continue
        if lists and not listed and text[position] == "[":
            listed, position = True, position + 1
            continue
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            reason = "is nested too deeply" if isinstance(error, RecursionError) else "is damaged"
            line, seen = line + text.count("\n", seen, position), position
            yield Damage(f"the JSON that begins in line {line} {reason}")
            following = (within if listed else between).search(text, position + 1)
            if following is None:
                return
            position = following.start()
            continue
        value = unpacked(value)
        records = value if isinstance(value, list) and not listed else []
        if records and not any(map(_is_part, records)):
            for record in records:
                yield from unwrapped(record)
        else:
            yield from unwrapped(value)
    if listed:
        yield Damage("the JSON list is cut off")


def _is_part(value: Any) -> bool:
    """Return whether a value is a message, step or event: a part of a record."""
    return not isinstance(value, dict) or is_message(value) or is_step(value) or is_event(value)


def parse_python(text: str) -> Iterator[Any]:
    """Yield values as Python prints them: one, a list of them, or one a line.

    Only literals are read; nothing is computed.
    """
    try:
        whole = literal(text)
    except ValueError:
        pass
    else:
        for value in whole if isinstance(whole, list) else [whole]:
            yield from unwrapped(value)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield from unwrapped(literal(line))
        except ValueError as error:
            yield Damage(
                f"line {number} is not JSON, and {error}, either: write it with json.dumps"
            )


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in BLANKS:
        position += 1
    return position
