"""Selection of training tasks: those with a demonstration, and those explored."""

from __future__ import annotations

from collections.abc import Container
from typing import TypeVar
from zlib import crc32

import numpy as np

from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.words import counted

_Item = TypeVar("_Item")


def shuffled(items: list[_Item], seed: int) -> list[_Item]:
    """Return the items, tasks mostly, in the order of the run's seed."""
    order = np.random.default_rng([seed, crc32(b"tasks")]).permutation(len(items))
    return [items[i] for i in order]


def demonstrated_tasks(tasks: list[Task], count: int | None, seed: int) -> list[Task]:
    """Return the first `count` tasks of the shuffle; None takes all.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    return shuffled(tasks, seed)[: _available(count, tasks, "expert.tasks")]


def explored_tasks(
    tasks: list[Task], count: int | None, seed: int, demonstrated: Container[str] = ()
) -> list[Task]:
    """Return the last `count` tasks of the same shuffle; None takes all.

    Taken from the other end, they overlap with the demonstrated ones only if they must. What a file
    demonstrates comes last.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    order = sorted(shuffled(tasks, seed), key=lambda task: task.task_id not in demonstrated)
    return order[len(tasks) - _available(count, tasks, "explore.tasks") :]


def evaluated_tasks(tasks: list[Task], count: int | None) -> list[Task]:
    """Return `count` tasks of a held-out split, the same for every run; None takes all.

    They are the first of one fixed shuffle, so that few of them still are of all types.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    return shuffled(tasks, seed=0)[: _available(count, tasks, "evaluation.episodes")]


def _available(count: int | None, tasks: list[Task], key: str) -> int:
    if not tasks:
        raise UserError(f"{key}: the split has no task; `tratree tasks` lists the splits")
    if count is not None and count > len(tasks):
        raise UserError(
            f"{key}={count}, but the split has {counted(len(tasks), 'task')}: "
            f"set {key} to at most {len(tasks)}, or make more games"
        )
    return len(tasks) if count is None else count
