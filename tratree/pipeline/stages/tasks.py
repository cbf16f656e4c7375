"""Which training tasks have a demonstration, and which are explored."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from tratree.errors import UserError
from tratree.trajectory.types import Task


def shuffled(tasks: list[Task], seed: int) -> list[Task]:
    """Return the tasks in the order of the run's seed."""
    order = np.random.default_rng([seed, crc32(b"tasks")]).permutation(len(tasks))
    return [tasks[i] for i in order]


def demonstrated_tasks(tasks: list[Task], count: int, seed: int) -> list[Task]:
    """Return the first `count` tasks of the shuffle.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    _check(count, tasks, "expert.tasks")
    return shuffled(tasks, seed)[:count]


def explored_tasks(tasks: list[Task], count: int, seed: int) -> list[Task]:
    """Return the last `count` tasks of the same shuffle.

    Taken from the other end, they overlap with the demonstrated ones only if they must.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    _check(count, tasks, "explore.tasks")
    return shuffled(tasks, seed)[len(tasks) - count :]


def _check(count: int, tasks: list[Task], key: str) -> None:
    if count > len(tasks):
        raise UserError(
            f"{key}={count}, but the training split has {len(tasks)} tasks: "
            f"set {key} to at most {len(tasks)}, or make more games"
        )
