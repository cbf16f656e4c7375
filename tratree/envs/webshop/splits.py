"""The goals of each split: the original's division, and ETO's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tratree.envs.webshop.actions import folded
from tratree.envs.webshop.catalogue import read_json
from tratree.envs.webshop.goals import Goal
from tratree.envs.webshop.published import gist
from tratree.errors import UserError

ETO_FILES = {"train": "train_indices.json", "test": "test_indices.json"}


def official_splits(goal_count: int) -> dict[str, Sequence[int]]:
    """Return goals 0 to 499 as ``test``, the next thousand as ``dev``, the rest as ``train``."""
    numbers = range(goal_count)
    return {"train": numbers[1500:], "dev": numbers[500:1500], "test": numbers[:500]}


def eto_splits(folder: Path, goal_count: int) -> dict[str, Sequence[int]]:
    """Return ETO's ``train`` and ``test`` goals; they refer to the full catalogue's human goals.

    As published: 21 of the 200 test goals are among the training goals, too. A number that a list
    repeats counts once. `folder` holds ``train_indices.json`` and ``test_indices.json``.

    Raises:
        UserError: If a file is missing or damaged, or names a goal that does not exist.
    """
    splits: dict[str, Sequence[int]] = {}
    for split, name in ETO_FILES.items():
        numbers = read_json(folder / name, list)
        if not all(isinstance(number, int) and 0 <= number < goal_count for number in numbers):
            raise UserError(
                f"{folder / name} names goals that do not exist, as there are {goal_count}: "
                "env.protocol=eto needs env.catalogue=official, env.products=null, env.goals=human"
            )
        splits[split] = list(dict.fromkeys(numbers))
    return splits


def shared_goals(
    goals: Sequence[Goal], splits: Mapping[str, Sequence[int]], train: str
) -> dict[str, int]:
    """Count the goals of each held-out split that a training goal equals apart from the price."""
    trained = {_wish(goals[number]) for number in splits.get(train, ())}
    return {
        split: sum(_wish(goals[number]) in trained for number in numbers)
        for split, numbers in splits.items()
        if split != train
    }


def distinct_splits(
    goals: Sequence[Goal], splits: Mapping[str, Sequence[int]], train: str
) -> dict[str, Sequence[int]]:
    """Return the splits so that no two of them have a goal that is the same apart from the price.

    A later split keeps its goals and an earlier one loses them, the training split to all others:
    ``test`` stays as it is.
    """
    taken: set[str] = set()
    distinct: dict[str, Sequence[int]] = {}
    order = list(splits)[::-1]
    order.sort(key=lambda name: name == train)
    for split in order:
        distinct[split] = [number for number in splits[split] if _wish(goals[number]) not in taken]
        taken.update(_wish(goals[number]) for number in splits[split])
    return {split: distinct[split] for split in splits}


def _wish(goal: Goal) -> str:
    return folded(gist(goal.instruction)).rstrip(" .,;:!?")
