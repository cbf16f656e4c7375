"""Stage ``paths``: the best path of each tree, found by offline search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.states import as_promised, with_prefix_masked
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.graph import by_history
from tratree.tree.mcts import Path
from tratree.tree.path_comparison import compare_paths
from tratree.tree.path_search import find_paths
from tratree.tree.paths import path_trajectory
from tratree.tree.recovery import recoveries
from tratree.tree.types import TrajectoryTree

PATHS = "paths.jsonl"
COMPARISON = "comparison.json"
SEARCH = ("search", "iterations", "exploration", "discount")
"""Settings of this stage that `find_paths` takes."""


def search_settings(config: Config) -> dict[str, Any]:
    """Return how paths are found, as `find_paths` takes it."""
    method = config.method
    if method.search == "mcts":
        return {"iterations": method.iterations, "exploration": method.ucb_constant}
    return {"search": method.search, "discount": method.discount}


def paths_stage(config: Config, trees: Stage) -> Stage:
    """Search each tree and keep the paths that score (section 3.3 of the paper).

    Raises:
        UserError: If ways back to success are asked for, and nodes are merged by history.
    """
    method = config.method
    settings = {**search_settings(config), "minimum_score": method.minimum_score}
    inputs = {"trees": trees}
    if config.tree.merge == "state":
        settings["own_scores"] = config.explore.score == "environment"
        inputs["games"] = games_stage(config)
        if method.recovery:
            settings["recovery"] = True
    elif method.recovery:
        raise UserError(
            "method.recovery=true needs tree.merge=state: in a tree merged by history, what only "
            "failures reached never leads to success"
        )
    return Stage("paths", settings, _search, inputs, version=2, self_contained=True)


def _search(job: Job) -> None:
    settings = job.settings
    trees = read_trees(job.inputs["trees"])
    how = {name: settings[name] for name in SEARCH if name in settings}
    found = find_paths(trees, **how)
    if "games" in job.inputs:
        histories = find_paths([by_history(tree) for tree in trees], **how)
        found, trajectories, back = _play_again(job, trees, found, histories)
    else:
        back = []
        trajectories = [
            path_trajectory(tree, path.nodes) for tree, path in zip(trees, found, strict=True)
        ]
    kept = [t for t in trajectories if t.score > settings["minimum_score"]]
    write_trajectories(job.folder / PATHS, [*kept, *back])
    compared = compare_paths(trees, found)
    text = json.dumps(asdict(compared), indent=2)
    (job.folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    job.progress.message(
        f"  {len(kept)} of {len(trees)} trees have a path that scores above "
        f"{settings['minimum_score']:g}"
    )
    job.progress.message(
        f"  mean score: MCTS {compared.mcts_score:.3f}, best trajectory {compared.best_score:.3f}, "
        f"greedy {compared.greedy_score:.3f}, any trajectory {compared.mean_score:.3f}; "
        f"MCTS's path differs from the best in {compared.differs_from_best:.1%} of the trees, "
        f"from the greedy one in {compared.differs_from_greedy:.1%} "
        f"({compared.equal_scores:.1%} of the trees have one score throughout)"
    )


def _play_again(
    job: Job, trees: Sequence[TrajectoryTree], found: Sequence[Path], histories: Sequence[Path]
) -> tuple[list[Path], list[Trajectory], list[Trajectory]]:
    """Play the paths that were stitched of several trajectories.

    Args:
        job: Whose games they are played on.
        trees: The trees, as graphs.
        found: A path of each graph.
        histories: The path that is taken instead, if it does not end as promised.

    Returns:
        The paths that are taken, their trajectories, and ways from failures back to success.
    """
    own_scores = job.settings["own_scores"]
    paths, trajectories, back = [], [], []
    stitched = kept = ways = 0
    with closing(env_maker(job)()) as env, job.progress.bar("replays", len(trees)) as advance:
        for tree, path, history in zip(trees, found, histories, strict=True):
            promised = path_trajectory(tree, path.nodes)
            played: Trajectory | None = promised
            if not tree.is_recorded(path.nodes):
                stitched += 1
                played = as_promised(env, promised, own_scores=own_scores)
                kept += played is not None
            paths.append(path if played else history)
            trajectories.append(played or path_trajectory(tree, history.nodes))
            for recovery in recoveries(tree) if job.settings.get("recovery") else ():
                ways += 1
                promised = path_trajectory(tree, (*recovery.failed, *recovery.back))
                played = as_promised(env, promised, own_scores=own_scores)
                if played is not None:
                    back.append(with_prefix_masked(played, len(recovery.failed) - 1))
            advance(len(paths))
    job.progress.message(
        f"  {stitched} paths are stitched of several trajectories; {kept} of them end as promised "
        "when they are played, for the others the tree's own path is taken"
    )
    if ways:
        job.progress.message(f"  {len(back)} of {ways} ways from failures back to success do")
    return paths, trajectories, back
