"""Selection of tasks: those with a demonstration, those explored, and those evaluated."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TypeVar
from zlib import crc32

import numpy as np

from tratree.errors import UserError
from tratree.store.stage import Stage
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
    return shuffled(tasks, seed)[: available(count, len(tasks), "expert.tasks")]


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
    return order[len(tasks) - available(count, len(tasks), "explore.tasks") :]


def evaluated_tasks(tasks: list[Task], count: int | None) -> list[Task]:
    """Return `count` tasks of a held-out split, the same for every run; None takes all.

    They are the first of one fixed shuffle, so that few of them still are of all types.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    return shuffled(tasks, seed=0)[: available(count, len(tasks), "evaluation.episodes")]


def available(count: int | None, there: int, key: str) -> int:
    """Return how many of the tasks that are there setting `key` takes; None takes all.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    if not there:
        raise UserError(f"{key}: the split has no task; `tratree tasks` lists the splits")
    if count is not None and count > there:
        raise UserError(
            f"{key}={count}, but the split has {counted(there, 'task')}: "
            f"set {key} to at most {there}, or make more games"
        )
    return there if count is None else count


def check_counts(stage: Stage, there: Callable[[str], int | None]) -> None:
    """Check that each split has as many tasks as a stage takes of it.

    Args:
        stage: Any stage.
        there: Number of tasks of a split; None if it is not known.

    Raises:
        UserError: If there are fewer tasks than that.
    """
    settings = stage.settings
    wanted: list[tuple[str, int | None, str]] = []
    if stage.name == "evaluate":
        wanted = [
            ("evaluation.episodes", settings["episodes"], split)
            for split in settings["splits"].values()
        ]
    elif stage.name == "explore":
        wanted = [("explore.tasks", settings["tasks"], settings["split"])]
    elif stage.name == "demonstrations" and "content" not in settings:  # else a file has them
        wanted = [("expert.tasks", settings["tasks"], settings["split"])]
        if "explored" in settings:
            wanted += [("explore.tasks", settings["explored"], settings["split"])]
    for key, count, split in wanted:
        number = there(split)
        if number is not None:
            available(count, number, key)
