"""Stage ``paths``: the best path of each tree, found by offline MCTS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from tratree.config import Config
from tratree.stages.trees import AT_A_TIME, iterate_stage_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.mcts import search_paths
from tratree.tree.path_comparison import PathCounts
from tratree.tree.paths import path_trajectory

PATHS = "paths.jsonl"
COMPARISON = "comparison.json"


def paths_stage(config: Config, trees: Stage) -> Stage:
    """Search each tree and keep the paths that score (section 3.3 of the paper)."""
    method = config.method
    settings = {
        "iterations": method.iterations,
        "exploration": method.ucb_constant,
        "minimum_score": method.minimum_score,
    }
    return Stage("paths", settings, _search, {"trees": trees}, version=2, self_contained=True)


def _search(job: Job) -> None:
    settings = job.settings
    trees, counts, kept = iterate_stage_trees(job.inputs["trees"]), PathCounts(), 0
    minimum = settings["minimum_score"]

    def found() -> Iterator[Trajectory]:
        nonlocal kept
        while some := list(islice(trees, AT_A_TIME)):
            paths = search_paths(
                some, iterations=settings["iterations"], exploration=settings["exploration"]
            )
            for tree, path in zip(some, paths, strict=True):
                counts.add(tree, path)
                trajectory = path_trajectory(tree, path.nodes)
                if trajectory.score > minimum:
                    kept += 1
                    yield trajectory

    write_trajectories(job.folder / PATHS, found())
    compared = counts.comparison()
    text = json.dumps(asdict(compared), indent=2)
    (job.folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    job.progress.message(
        f"  MCTS found a path that scores above {minimum:g} in {kept} of {compared.trees} trees"
    )
    job.progress.message(
        f"  mean score of its paths {compared.mcts_score:.3f}; of each tree's best trajectory "
        f"{compared.best_score:.3f}, of all trajectories {compared.mean_score:.3f}"
    )
