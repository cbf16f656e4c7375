"""Which goal published WebShop trajectories mean: their numbers are ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tratree.trajectory.types import Task

_NUMBER = re.compile(
    r"(?:(?:web[-_ ]?shop|fixed|goal|session|human|idx|index|task)[-_ :/#]*)*(\d+)"
)


def own_task_id(published: str) -> str | None:
    """Return our name of a goal: AgentGym's is the same, ETO's a bare number."""
    return f"webshop_{published}" if published.isdecimal() else published


def named_tasks(
    published: str, tasks: Mapping[str, Task], index: Mapping[str, list[str]]
) -> list[str]:
    """Return the id of the goal that a number means, whatever stands before it.

    >>> tasks = {"webshop_0": Task("webshop_0", "test", "", "")}
    >>> [named_tasks(name, tasks, {}) for name in ("fixed_0", "webshop_0", "0", "B09XYZ")]
    [['webshop_0'], ['webshop_0'], ['webshop_0'], []]
    """
    match = _NUMBER.fullmatch(published.strip().lower())
    task_id = f"webshop_{int(match[1])}" if match and len(match[1]) < 10 else ""
    return [task_id] if task_id in tasks else []


def task_index(tasks: Mapping[str, Task]) -> dict[str, list[str]]:
    """Return nothing: the number of a goal says which it is."""
    return {}


def names_held_out(published: str) -> bool:
    """Return False: a number says nothing of a split."""
    return False


def gist(instruction: str) -> str:
    """Return an instruction without the price bound, which the original draws anew each time."""
    return instruction.partition(", and price lower than ")[0]
