"""The reward of every task, as finished evaluations in the store hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.evaluation.metrics import by_task
from tratree.runs.run_folder import read_stages
from tratree.stages.file_names import EPISODES
from tratree.sweeps.points import Point
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory

SCORES = "scores"

TaskScores = Mapping[str, Any]
"""``of_tasks``, a digest of the names of the tasks, and ``rewards``, one a task in their order."""


def task_scores(played: list[Trajectory]) -> dict[str, TaskScores]:
    """Return the reward of each task of one split."""
    rewards = dict(sorted(by_task(played, "reward").items()))
    names = hashlib.sha256("\n".join(rewards).encode()).hexdigest()[:16]
    return {SCORES: {"of_tasks": names, "rewards": [_short(r) for r in rewards.values()]}}


def read_task_scores(point: Point) -> Mapping[str, Mapping[str, dict[str, TaskScores]]]:
    """Return `task_scores` of each system and split of a finished point.

    Those that its results have, and else those that the store still has.
    """
    assert point.results is not None
    systems: Mapping[str, Any] = point.results["systems"]
    found: dict[str, dict[str, dict[str, TaskScores]]] = {}
    for system, splits in systems.items():
        kept = {n: {SCORES: f[SCORES]} for n, f in splits.items() if SCORES in f}
        found[system] = kept or _from_store(point, system, splits)
    return found


def _from_store(point: Point, system: str, splits: Mapping[str, Any]) -> dict[str, Any]:
    try:
        folder = read_stages(point.folder).folder(f"evaluate {system}")
    except UserError:  # its run is gone
        return {}
    if folder is None or not (folder / EPISODES).is_file():
        return {}
    named: Mapping[str, str] = point.settings.get("env", {}).get("splits", {})
    return {n: s for n, s in _read(folder, tuple(named.items())).items() if n in splits}


@cache
def _read(folder: Path, splits: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    played = read_trajectories(folder / EPISODES)
    of_split = {name: [t for t in played if t.task.split == split] for name, split in splits}
    return {name: task_scores(some) for name, some in of_split.items() if some}


def _short(reward: float) -> float:
    return int(reward) if reward in (0, 1) else round(reward, 6)
