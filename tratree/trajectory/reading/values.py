"""Values of fields, out of the forms that tables give them."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

PYTHON = re.compile(r"\s*[\[{]\s*(?:[{(]\s*)?'|\s*\[\(")
"""The beginning of an object that Python has printed."""

_ROWS = re.compile(r"\}\n \{")
"""The border of two objects in a list that NumPy has printed."""

NUMBERED = re.compile(r"(?:(?:step|turn|t)[ _-]?)?\d+", re.IGNORECASE)


_COUNTED = re.compile(r"(.*[^\W\d_])[ _-]?(\d+)")
_NUMBERS = ("step", "step_id", "step_idx", "turn", "t")
_TIMES = ("created_at", "timestamp", "time", "created", "ts")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


def field_name(key: Any) -> str:
    """Return the name of a field in small letters, words apart: ``nextObs`` is ``next_obs``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[- ]+", "_", str(key)).lower()


def literal(text: str) -> Any:
    """Return a value that Python has printed, as JSON has it. Nothing of it is computed.

    Raises:
        ValueError: If it is no literal.
    """
    for written in (text.strip(), _ROWS.sub("}, {", text.strip())):
        with suppress(MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            return as_json(ast.literal_eval(written))
    raise ValueError("no literal of Python")


def as_json(value: Any) -> Any:
    """Return a value of a table as JSON has it; what is no number is null, a date is text."""
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | None) else str(value)


def decoded(text: str) -> Any:
    """Return what JSON or Python in a field of text says: tables have nested values so."""
    return unpacked(text) if text.lstrip()[:2] in ("[{", "[[", "[(", "[ ", "[\n") else text


def by_rows(value: Any) -> Any:
    """Return columns of messages or steps, or those by their numbers, as a list of them."""
    if isinstance(value, Mapping) and value and all(NUMBERED.fullmatch(str(k)) for k in value):
        return list(value.values())
    if isinstance(value, Mapping) and (steps := by_suffix(value)):
        return steps
    if not isinstance(value, Mapping) or not {"role", "from", "action"} & set(value):
        return value
    columns = list(value.values())
    if not all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def by_suffix(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of an object that counts its fields: ``thought_0``, ``Action 1``."""
    steps: dict[int, dict[str, Any]] = {}
    for key, inner in value.items():
        if (counted := _COUNTED.fullmatch(str(key))) is not None:
            steps.setdefault(int(counted[2]), {})[counted[1]] = inner
    names = set.union(*map(set, steps.values())) if steps else set()
    acts = any(name == "a" or field_name(name).startswith(("act", "tool")) for name in names)
    return [steps[number] for number in sorted(steps)] if acts and len(names) > 1 else []


def in_time(items: list[Any]) -> list[Any]:
    """Return items that are numbered, or all listed the last one first, in their order."""
    if len(items) < 2 or not all(isinstance(item, Mapping) for item in items):
        return items
    for name in (*_NUMBERS, *_TIMES):
        told = [item.get(name) for item in items]
        if len({type(n) for n in told}) > 1 or not isinstance(told[0], int | float | str):
            continue
        order = sorted(range(len(items)), key=lambda n: told[n])
        last_first = order == list(range(len(items)))[::-1]
        if len(set(told)) == len(told) and (
            last_first or (name in _NUMBERS and type(told[0]) is int)
        ):
            return [items[n] for n in order]
    return items


def nested(value: Any) -> Any:
    """Return a value with fields such as ``llm.messages.0.role`` as objects in each other."""
    if isinstance(value, list):
        return [nested(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    whole: dict[str, Any] = {}
    for key, inner in value.items():
        name = str(key).lstrip("_")
        name = name if name and name not in value else str(key)
        *path, last = name.split(".") if _PATH.fullmatch(name) else [name]
        inner = decoded(inner) if path and isinstance(inner, str) else inner
        place = whole
        for name in path:
            place = place.setdefault(name, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[last] = nested(inner)
    return whole


def unpacked(value: Any) -> Any:
    """Return what a field of facts says, objects included; other values as they are."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return literal(value) if PYTHON.match(value) else json.loads(value)
    return value
