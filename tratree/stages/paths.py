"""Stage ``paths``: the best path of each tree, found by offline MCTS."""

from __future__ import annotations

import json
from dataclasses import asdict

from tratree.config import Config
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.tree.mcts import search_paths
from tratree.tree.path_comparison import compare_paths
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
    trees = read_trees(job.inputs["trees"])
    found = search_paths(
        trees, iterations=settings["iterations"], exploration=settings["exploration"]
    )
    trajectories = [
        path_trajectory(tree, path.nodes) for tree, path in zip(trees, found, strict=True)
    ]
    kept = [t for t in trajectories if t.score > settings["minimum_score"]]
    write_trajectories(job.folder / PATHS, kept)
    compared = compare_paths(trees, found)
    text = json.dumps(asdict(compared), indent=2)
    (job.folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    job.progress.message(
        f"  MCTS found a path that scores above {settings['minimum_score']:g} in {len(kept)} of "
        f"{len(trees)} trees"
    )
    job.progress.message(
        f"  mean score of its paths {compared.mcts_score:.3f}; of each tree's best trajectory "
        f"{compared.best_score:.3f}, of all trajectories {compared.mean_score:.3f}"
    )
