"""Stage ``trees``: the explored trajectories of each task, merged into a tree."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from tratree.config import Config
from tratree.pipeline.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories
from tratree.tree.merge import build_tree
from tratree.tree.similarity import make_similarity
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree

STATISTICS = "statistics.json"


def trees_stage(config: Config, explored: Stage) -> Stage:
    """Merge the first `tree.width` trajectories of each task (section 3.1 of the paper)."""
    return Stage("trees", asdict(config.tree), _merge, {"explored": explored})


def read_trees(folder: Path) -> list[TrajectoryTree]:
    """Read the trees of a finished ``trees`` stage, in the order of their tasks."""
    return [TrajectoryTree.load(path) for path in sorted(folder.glob("*.npz"))]


def _merge(job: Job) -> None:
    # Here, because it imports torch, which reading trees does not need.
    from tratree.pipeline.stages.episodes import EPISODES

    settings = job.settings
    trajectories = read_trajectories(job.inputs["explored"] / EPISODES)
    by_task = [list(group) for _, group in groupby(trajectories, key=lambda t: t.task.task_id)]
    similarity = make_similarity(settings["similarity"])
    trees = []
    with job.progress.bar("trees", len(by_task)) as advance:
        for number, of_task in enumerate(by_task):
            tree = build_tree(
                of_task[: settings["width"]],
                similarity=similarity,
                xi_sim=settings["xi_sim"],
                action_match=settings["action_match"],
            )
            tree.save(job.folder / f"{number:06d}.npz")
            trees.append(tree)
            advance(number + 1)
    statistics = forest_statistics(trees)
    (job.folder / STATISTICS).write_text(json.dumps(statistics, indent=2) + "\n", "utf-8")
