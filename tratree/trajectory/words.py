"""Names that are listed in one text."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text.

    >>> words("id item_id")
    ('id', 'item_id')
    """
    return tuple(text.split())
