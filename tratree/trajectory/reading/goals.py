"""The goal of an episode, as an environment states it."""

from __future__ import annotations

import re
from typing import NamedTuple

_TASK = "(?:task|goal|objective|mission)"
_LABEL = rf"(?:{_TASK}(?: description)?|instruction)"
_STATEMENT = re.compile(
    rf"(?P<words>(?:your|the|new|current)\s+(?:\w+\s+)?{_TASK}"
    r"\s*(?:\s(?:is|will be)(?:\s+to)?\s*[:：]?|[:：])"
    r"|Instruction:"
    rf"|(?:^|(?<=[.!?:\]]))[\s#*_>]{{0,9}}(?:next\s+)?{_LABEL}[ \t]*[\d/]*[ \t]*[*_]*[:：]"
    rf"|^[ \t]*[#*]+[ \t]*{_LABEL}[ \t\d]*[#*:：]*[ \t]*$)"
    r"[\s*_]*(?:\[SEP\]\s*)?(?P<goal>.+)",
    re.IGNORECASE | re.MULTILINE,
)

_THE_TASK = re.compile(
    r"^[ \t]*(?:now[ ,]*)?here(?:'s| is) (?:the|your) (?:\w+ )?task[ \t]*[.:]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""The line after the examples and memories of a prompt."""


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
    said = None
    while (found := _STATEMENT.search(text, 0 if said is None else said.start("goal"))) is not None:
        said = found
    if said is None:
        return None
    goal = re.split(r"\[SEP\]|\. |\.$|\n", said["goal"])[0].strip()
    words = " ".join(re.findall(r"[^\W\d_]+", said["words"].lower()))
    blank = len(said["words"]) - len(said["words"].lstrip("\n\t #*_>"))
    return Statement(text[: said.start("words") + blank], words, goal)


def stated_goal(text: str) -> str:
    """Return the last goal that a text states, its first sentence; empty without one."""
    found = last_statement(text)
    return found.goal if found else ""


def the_task(text: str) -> tuple[str, str]:
    """Return what a prompt has before its task, examples and memories, and the task."""
    marks = list(_THE_TASK.finditer(text))
    return (text[: marks[-1].start()], text[marks[-1].end() :]) if marks else ("", text)
