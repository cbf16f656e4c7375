"""Values of fields, out of the forms that tables give them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_LITERAL = re.compile(r"\s*[\[{]\s*(?:\{\s*)?'")


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
    """Return what JSON in a field of facts says, objects included; other values as they are.

    Tables that pandas wrote have Python's literals instead.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    with suppress(ValueError, RecursionError):
        return json.loads(value)
    if _LITERAL.match(value):
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(value.strip())
    return value
