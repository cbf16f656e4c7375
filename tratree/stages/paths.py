"""Stage ``paths``: the best path of each tree, found by offline search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict
from itertools import islice
from typing import Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.states import as_promised, with_prefix_masked
from tratree.stages.trees import AT_A_TIME, iterate_stage_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.information_states import by_history
from tratree.tree.path_comparison import PathCounts
from tratree.tree.path_search import find_paths
from tratree.tree.paths import path_trajectory
from tratree.tree.recovery import recoveries
from tratree.tree.types import TrajectoryTree
from tratree.words import counted

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
    trees, counts, kept = iterate_stage_trees(job.inputs["trees"]), PathCounts(), 0
    minimum = settings["minimum_score"]
    how = {name: settings[name] for name in SEARCH if name in settings}
    replays = _Replays(job) if "games" in job.inputs else None

    def found() -> Iterator[Trajectory]:
        nonlocal kept
        while some := list(islice(trees, AT_A_TIME)):
            for tree, path in zip(some, find_paths(some, **how), strict=True):
                trajectory = path_trajectory(tree, path.nodes)
                if replays and not tree.is_recorded(path.nodes):
                    played = replays.path(trajectory)
                    if played is None:
                        (path,) = find_paths([by_history(tree)], **how)
                        played = path_trajectory(tree, path.nodes)
                    trajectory = played
                counts.add(tree, path)
                if trajectory.score > minimum:
                    kept += 1
                    yield trajectory
                if replays and settings.get("recovery"):
                    yield from replays.ways_back(tree)

    with closing(replays) if replays else nullcontext():
        write_trajectories(job.folder / PATHS, found())
    compared = counts.comparison()
    text = json.dumps(asdict(compared), indent=2)
    (job.folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    job.progress.message(
        f"  {kept} of {counted(compared.trees, 'tree')} with a path that scores above {minimum:g}"
    )
    job.progress.message(
        f"  mean score of the paths {compared.mcts_score:.3f}, of each tree's best trajectory "
        f"{compared.best_score:.3f}, of all trajectories {compared.mean_score:.3f}"
    )
    if replays:
        job.progress.message(
            f"  {counted(replays.stitched, 'path')} stitched of several trajectories, "
            f"{replays.held} with the promised end when played again; the tree's own is taken for "
            "the others"
        )
        if settings.get("recovery"):
            job.progress.message(
                f"  {replays.back} of {counted(replays.ways, 'way')} from failures back to success "
                "with the promised end"
            )


class _Replays:
    """The environment in which stitched paths are played, and counts of those that hold."""

    def __init__(self, job: Job) -> None:
        self.stitched = self.held = self.ways = self.back = 0
        self._env = env_maker(job)()
        self._own_scores = job.settings["own_scores"]

    def path(self, promised: Trajectory) -> Trajectory | None:
        """Return a stitched path as it was played; None if it does not end as promised."""
        played = as_promised(self._env, promised, own_scores=self._own_scores)
        self.stitched += 1
        self.held += played is not None
        return played

    def ways_back(self, tree: TrajectoryTree) -> Iterator[Trajectory]:
        """Yield the ways from failures back to success that hold."""
        for recovery in recoveries(tree):
            promised = path_trajectory(tree, (*recovery.failed, *recovery.back))
            played = as_promised(self._env, promised, own_scores=self._own_scores)
            self.ways += 1
            if played is not None:
                self.back += 1
                yield with_prefix_masked(played, len(recovery.failed) - 1)

    def close(self) -> None:
        """Close the environment."""
        self._env.close()
