"""Which goals belong to which split: the original's division, and ETO's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.envs.webshop.catalogue import read_json
from tratree.errors import UserError

_ETO_FILES = {"train": "train_indices.json", "test": "test_indices.json"}


def official_splits(goal_count: int) -> dict[str, Sequence[int]]:
    """Return goals 0 to 499 as ``test``, the next thousand as ``dev``, the rest as ``train``."""
    numbers = range(goal_count)
    return {"train": numbers[1500:], "dev": numbers[500:1500], "test": numbers[:500]}


def eto_splits(folder: Path, goal_count: int) -> dict[str, Sequence[int]]:
    """Return ETO's ``train`` and ``test`` goals; they refer to the full catalogue's human goals.

    As published: 21 of the 200 test goals are among the training goals, too. A number that a list
    repeats counts once.

    Args:
        folder: Holds ``train_indices.json`` and ``test_indices.json``.
        goal_count: Number of goals that there are.

    Raises:
        UserError: If a file is missing or damaged, or names a goal that does not exist.
    """
    splits: dict[str, Sequence[int]] = {}
    for split, name in _ETO_FILES.items():
        numbers = read_json(folder / name, list)
        if not all(isinstance(number, int) and 0 <= number < goal_count for number in numbers):
            raise UserError(
                f"{folder / name} names goals that do not exist, as there are {goal_count}: "
                "env.protocol=eto needs env.catalogue=official, env.products=null, env.goals=human"
            )
        splits[split] = list(dict.fromkeys(numbers))
    return splits
