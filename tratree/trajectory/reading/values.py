"""Values of fields, out of the forms that tables give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def decoded(text: str) -> Any:
    """Return what JSON in a field of text says: tables have nested values so."""
    return unpacked(text) if text.lstrip()[:2] in ("[{", "[[", "[ ", "[\n") else text


def by_rows(value: Any) -> Any:
    """Return columns of messages or steps, or those by their numbers, as a list of them."""
    if isinstance(value, Mapping) and value and all(str(key).isdecimal() for key in value):
        return list(value.values())
    if not isinstance(value, Mapping) or not {"role", "from", "action"} & set(value):
        return value
    columns = list(value.values())
    if not all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def unpacked(value: Any) -> Any:
    """Return what JSON in a field of facts says, objects included; other values as they are."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
