"""The reason why a record is not taken."""

from __future__ import annotations

from typing import Any


class RecordError(ValueError):
    """A record that is skipped; the message is the reason, in one line that names the field."""


def short(value: Any) -> str:
    """Return a value in a few characters, for a message."""
    text = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."
