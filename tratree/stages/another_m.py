"""Episodes that an exploration shares with one of another M (trajectories a task)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tratree.stages.file_names import EPISODES
from tratree.store.finished import finished_stages
from tratree.store.manifest import checked_file, find_damage
from tratree.store.stage import Job
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory
from tratree.words import counted

PLAN = "sampling"
LIMITS = ("tokens", "stop_when_decided")
"""Settings that say how many of the planned trajectories are played, and not how."""


def played_with_another_m(job: Job, version: int) -> list[Trajectory]:
    """Return the episodes of the finished exploration of another M that shares most with `job`.

    One without a limit (``explore.tokens``, ``explore.stop_when_decided``) has all of one with it.

    A trajectory that both have is the same, because it depends on its task and sample and not on
    how many there are; where ``model.rollout_dtype`` is not float64, up to the rounding that
    also an interruption may change.

    Args:
        job: An exploration.
        version: Of the stage.
    """
    plan = job.settings[PLAN]
    inputs = {name: folder.name for name, folder in job.inputs.items()}
    shared = {
        folder: min(len(plan), len(its_plan))
        for folder, its_plan in _plans(job, {"version": version, "inputs": inputs})
        if all(ours == its for ours, its in zip(plan, its_plan, strict=False))
    }
    if not shared:
        return []
    folder = max(shared, key=lambda folder: shared[folder])
    job.progress.message(
        f"  up to {counted(shared[folder], 'trajectory', 'trajectories')} a task from {folder}"
    )
    return read_trajectories(folder / EPISODES)


def _plans(job: Job, wanted: Mapping[str, Any]) -> Iterator[tuple[Path, list[Any]]]:
    """Yield those that differ from `job` in their plan, or have no limit, with their plan."""
    for folder, found in finished_stages(job.folder.parent):
        settings = {**found["settings"], PLAN: job.settings[PLAN]}
        settings |= {n: job.settings[n] for n in LIMITS if settings.get(n, 0) is None}
        alike = found["version"] == wanted["version"] and found["inputs"] == wanted["inputs"]
        if alike and settings == job.settings and not find_damage(folder, checked_file(folder)):
            yield folder, found["settings"][PLAN]
