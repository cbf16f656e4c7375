"""Texts that ALFWorld takes for the same action."""

from __future__ import annotations

import re

_PUT = re.compile(r"put (\w+ \d+) (?:in/on|in|on) (\w+ \d+)")
_INTO = r"(?:into|inside|in|onto|on|to)"
_PUT_LOOSELY = re.compile(
    rf"(?:put|place|move) (\w+ \d+) {_INTO}(?:(?: ?/ ?| or | ){_INTO})? (\w+ \d+)"
)
_ARTICLES = ("a", "an", "the")


def folded(action: str) -> str:
    """Return `action` in lower case and with single spaces."""
    return " ".join(action.lower().split())


def action_key(action: str) -> str:
    """Return one text for all wordings of an action: ``put X in/on Y`` is ``move X to Y``.

    Games offer either, by their release; an environment takes both.

    >>> action_key("Put  mug 1 in/on desk 2")
    'move mug 1 to desk 2'
    """
    return _PUT.sub(r"move \1 to \2", folded(action))


def forgiving_key(action: str) -> str:
    """Return `action_key` of an action that is read forgivingly.

    Articles and a full stop at the end don't count, and ``into``, ``onto``, ``in / on`` are as good
    as ``in/on``.

    >>> forgiving_key("Put the mug 1 into the desk 2.")
    'move mug 1 to desk 2'
    """
    words = folded(action).rstrip(" .!").split()
    return _PUT_LOOSELY.sub(
        r"move \1 to \2", " ".join(word for word in words if word not in _ARTICLES)
    )
