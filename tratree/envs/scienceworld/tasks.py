"""Tasks and variations of each split, and the list of them on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scienceworld.constants import ID2TASK
from scienceworld.utils import infer_task

from tratree.errors import UserError
from tratree.trajectory.types import Task

TASK_NAMES = tuple(sorted(ID2TASK.values()))
"""The simulator's names of its 30 tasks."""

SPLITS = ("train", "dev", "test")
"""Official splits; ETO's index lists go by the same names."""

ETO_FILES = (*(f"{split}_indices.json" for split in SPLITS), "max_steps.json")
"""ETO's index lists and step limits."""

Variations = Mapping[str, list[int]]
"""The variations of one task by split."""


def spread(variations: list[int], count: int | None) -> list[int]:
    """Return `count` of the variations, evenly spread; None takes all."""
    if count is None or count >= len(variations):
        return variations
    return [variations[i * len(variations) // count] for i in range(count)]


def eto_variations(folder: Path) -> dict[str, Variations]:
    """Read ETO's index lists: the variations of its 24 tasks by name and split.

    As published: 54 variations of ``dev`` are in ``train``, too. What a list repeats counts once.

    Raises:
        UserError: If a file is missing or malformed.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for split in SPLITS:
        for name, variation in _read_pairs(folder / f"{split}_indices.json", list):
            of_task = found.setdefault(name, {name: [] for name in SPLITS})
            of_task[split] = sorted({*of_task[split], variation})
    return dict(found)


def eto_step_limits(folder: Path) -> dict[str, int]:
    """Read ETO's step limits by name of the task.

    Raises:
        UserError: If the file is missing or malformed.
    """
    return dict(_read_pairs(folder / "max_steps.json", lambda limits: limits.items()))


def write_tasks(folder: Path, name: str, tasks: list[Task]) -> None:
    """Keep the tasks of one name."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}.json"
    unfinished.write_text(json.dumps([asdict(task) for task in tasks], indent=1) + "\n", "utf-8")
    unfinished.replace(folder / f"{name}.json")


def has_tasks(folder: Path, name: str) -> bool:
    """Return whether the tasks of this name were kept."""
    return (folder / f"{name}.json").exists()


def read_tasks(folder: Path) -> Iterator[Task]:
    """Read all tasks that were kept, in the order of their names."""
    for path in sorted(folder.glob("[!.]*.json")):
        for fields in json.loads(path.read_text("utf-8")):
            yield Task(**fields)


def _read_pairs(path: Path, pairs: Callable[[Any], Iterable[Any]]) -> list[tuple[str, int]]:
    """Read (ETO's name of a task, number) and put the simulator's name for ETO's."""
    try:
        data = json.loads(path.read_text("utf-8"))
        return [(infer_task(name), int(number)) for name, number in pairs(data)]
    except (OSError, ValueError, RecursionError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is missing or damaged: set env.eto_indices to the folder of ETO's index lists"
        ) from error
