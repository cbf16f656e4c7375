"""The text that ScienceWorld is sent for an action, and texts it takes for the same action."""

from __future__ import annotations

_ARTICLES = ("a", "an", "the")


def printable(action: str) -> str:
    """Return `action` in one line with single spaces."""
    kept = "".join(letter if letter.isprintable() else " " for letter in action)
    return " ".join(kept.split())


def forgiven(action: str) -> str:
    """Return `action` without a full stop at its end; the simulator itself passes over articles."""
    return printable(action).rstrip(" .!")


def forgiving_key(action: str) -> str:
    """Return `action_key` of an action that is read forgivingly."""
    return action_key(forgiven(action))


def action_key(action: str) -> str:
    """Return an action as the simulator's parser takes it: lower-case and without articles.

    >>> action_key("Look at the  Picture")
    'look at picture'
    """
    words = printable(action).lower().split()
    return " ".join(word for word in words if word not in _ARTICLES)
