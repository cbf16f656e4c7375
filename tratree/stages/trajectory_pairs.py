"""Stage ``pairs`` without trees: preference pairs of whole trajectories of one task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.stages.demonstrations import DEMONSTRATIONS
from tratree.stages.file_names import EPISODES
from tratree.stages.pairs import PAIRS
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import TrajectoryPair, unstructured_pairs
from tratree.tree.expert_pairs import expert_pairs

TRAJECTORIES = "trajectories.jsonl"


def random_pairs_stage(config: Config, explored: Stage) -> Stage:
    """Pair trajectories of a task at random, the higher score preferred (unstructured DPO)."""
    settings = {**_limits(config), "seed": config.seed}
    return Stage("pairs", settings, _draw, {"explored": explored}, self_contained=True)


def expert_pairs_stage(
    config: Config, explored: Stage, demonstrations: Stage, label: str = ""
) -> Stage:
    """Prefer the expert's trajectory to each attempt that scored less (ETO)."""
    inputs = {"explored": explored, "demonstrations": demonstrations}
    return Stage(
        "pairs", _limits(config), _pair_with_expert, inputs, label=label, self_contained=True
    )


def read_trajectory_pairs(folder: Path) -> list[TrajectoryPair]:
    """Read the pairs of a finished stage of this file."""
    trajectories = read_trajectories(folder / TRAJECTORIES)
    lines = (folder / PAIRS).read_text("utf-8").splitlines()
    found = (json.loads(line) for line in lines)
    return [
        TrajectoryPair(trajectories[pair["chosen"]], trajectories[pair["rejected"]], shared_steps=0)
        for pair in found
    ]


def _limits(config: Config) -> dict[str, Any]:
    method = config.method
    return {"min_gap": method.minimum_gap, "max_pairs_per_task": method.pairs_per_task}


def _draw(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    _write(job, unstructured_pairs(explored, **job.settings))


def _pair_with_expert(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    demonstrations = read_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    _write(job, expert_pairs(explored, demonstrations, **job.settings))


def _write(job: Job, pairs: Sequence[TrajectoryPair]) -> None:
    """Write each trajectory once, and the pairs as their numbers."""
    numbers: dict[Trajectory, int] = {}
    lines = []
    for pair in pairs:
        chosen, rejected = (
            numbers.setdefault(side, len(numbers)) for side in (pair.chosen, pair.rejected)
        )
        lines.append(json.dumps({"chosen": chosen, "rejected": rejected}) + "\n")
    write_trajectories(job.folder / TRAJECTORIES, list(numbers))
    (job.folder / PAIRS).write_text("".join(lines), encoding="utf-8")
    tasks = {pair.chosen.task.task_id for pair in pairs}
    job.progress.message(f"  {len(pairs)} pairs of whole trajectories, of {len(tasks)} tasks")
