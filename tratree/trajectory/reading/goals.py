"""The goal of an episode, as an environment states it."""

from __future__ import annotations

import re

_GOAL = re.compile(
    r"(?:your|the|new|current)\s+(?:task|goal|objective|mission)"
    r"\s*(?:\s(?:is|will be)(?:\s+to)?\s*[:：]?|[:：])\s*(.+)"
    r"|Instruction:\s*(?:\[SEP\])?\s*(.+)",
    re.IGNORECASE,
)
_LABELLED_GOAL = re.compile(
    r"^\s*(?:task|goal|objective|instruction|task description)\s*[:：]\s*(.+)",
    re.IGNORECASE | re.MULTILINE,
)


def stated_goal(text: str) -> str:
    """Return the last goal that a text states, its first sentence; empty without one."""
    found = [mark[1] or mark[2] for mark in _GOAL.finditer(text)]
    found = found or _LABELLED_GOAL.findall(text)
    return re.split(r"\[SEP\]|\. |\.$|\n", found[-1])[0].strip() if found else ""
