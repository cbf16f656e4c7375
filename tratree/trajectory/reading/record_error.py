"""The reason why a record is not taken."""

from __future__ import annotations


class RecordError(ValueError):
    """A record that is skipped; the message is the reason, in one line that names the field."""
