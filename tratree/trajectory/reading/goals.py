"""The goal of an episode, as an environment states it."""

from __future__ import annotations

import re
from typing import NamedTuple

_GOAL = re.compile(
    r"((?:your|the|new|current)\s+(?:task|goal|objective|mission)"
    r"\s*(?:\s(?:is|will be)(?:\s+to)?\s*[:：]?|[:：])|Instruction:\s*(?:\[SEP\])?)\s*(.+)",
    re.IGNORECASE,
)
_LABELLED_GOAL = re.compile(
    r"^\s*((?:task|goal|objective|instruction|task description)\s*[:：])\s*(.+)",
    re.IGNORECASE | re.MULTILINE,
)


class Statement(NamedTuple):
    """The statement of a goal in a text.

    Attributes:
        before: The text before it.
        words: The words that announce the goal, such as ``Your task is to:``.
        goal: The goal, its first sentence.
    """

    before: str
    words: str
    goal: str


def last_statement(text: str) -> Statement | None:
    """Return the last statement of a goal in a text; None without one."""
    found = list(_GOAL.finditer(text)) or list(_LABELLED_GOAL.finditer(text))
    if not found:
        return None
    goal = re.split(r"\[SEP\]|\. |\.$|\n", found[-1][2])[0].strip()
    return Statement(text[: found[-1].start(1)], " ".join(found[-1][1].lower().split()), goal)


def stated_goal(text: str) -> str:
    """Return the last goal that a text states, its first sentence; empty without one."""
    found = last_statement(text)
    return found.goal if found else ""
