"""Goals of published WebShop trajectories: their numbers are ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tratree.envs.moved_names import MovedName
from tratree.trajectory.types import Task

_NUMBER = re.compile(
    r"(?:(?:web[-_ ]?shop|ws|fixed|goal|sess(?:ion)?|instruction|query|human|idx|index|task|env"
    r"|train|dev|test|#)[-_ :/#.=]*)*"
    r"(\d+)(?:\.0)?(?:[-_#]\d{1,2})?(?:\.(?:jsonl?|txt|log))?"
)
_WITHIN = re.compile(
    r"(?<![a-z])(?:fixed|web[-_ ]?shop)(?:[-_ ](?:idx|index|goal|task|train|dev|test))*"
    r"[-_ ](\d+)(?![a-z\d])"
)
"""A number within an address of a page, or before that of an attempt."""

_BOUND = (
    r"(?:,?\s+(?:(?:and|with|for|at)\s+)?(?:an?\s+)?(?:price\s+)?(?:lower|less|below|under|cheaper)"
    r"(?:\s+than)?\s+\$?\d[\d,]*(?:\.\d+)?(?:\s+dollars)?)?"
)


def own_task_id(published: str) -> str | None:
    """Return our name of a goal: AgentGym's is the same, ETO's a bare number."""
    return f"webshop_{published}" if published.isdecimal() else published


def task_finder(tasks: Mapping[str, Task]) -> Callable[[str], list[str]]:
    """Return what finds the goal that a number means, whatever comes before it.

    >>> find = task_finder({"webshop_0": Task("webshop_0", "test", "", "")})
    >>> [find(name) for name in ("fixed_0", "webshop_0", "0", "B09XYZ")]
    [['webshop_0'], ['webshop_0'], ['webshop_0'], []]
    """

    def find(published: str) -> list[str]:
        name = published.strip().lower()
        match = _NUMBER.fullmatch(name) or _WITHIN.search(name)
        task_id = f"webshop_{int(match[1])}" if match and len(match[1]) < 10 else ""
        return [task_id] if task_id in tasks else []

    return find


def moved_names(settings: Any, task: Task | None) -> Sequence[MovedName]:
    """Return how a publisher worded a task: with a price bound that was drawn at another start."""
    if task is None:
        return ()
    theirs = re.compile(
        r"\s+".join(map(re.escape, gist(task.instruction).split())) + _BOUND,
        re.IGNORECASE,
    )
    here = task.instruction.replace("\\", r"\\")
    what = "webshop: the instruction with its price bound is that of the task"
    return (MovedName(what, theirs, here, "observations"),)


def gist(instruction: str) -> str:
    """Return an instruction without the price bound, which the original draws again each time."""
    return instruction.partition(", and price lower than ")[0]
