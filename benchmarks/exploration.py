"""Trajectories for the benchmarks of trees: a file's, or those of the default run's exploration."""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

from tratree.composition import compose_config
from tratree.runs.run import open_store
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import weak_trees
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where trajectories come from."""
    parser.add_argument("--trajectories", type=Path, help="a JSONL file of trajectories")
    parser.add_argument(
        "--store",
        default="store",
        help="without --trajectories: the store of `python train.py`, whose exploration is used, "
        "or made if it is not there",
    )


def explored_tasks(arguments: argparse.Namespace) -> list[list[Trajectory]]:
    """Return the trajectories of each task."""
    path = arguments.trajectories
    if path is None:
        config = compose_config([f"store={arguments.store}"])
        explored = weak_trees(config).inputs["explored"]
        path = open_store(config, Progress()).ensure(explored) / EPISODES
    trajectories = sorted(read_trajectories(path), key=lambda t: t.task.task_id)
    groups = groupby(trajectories, key=lambda t: t.task.task_id)
    return [list(group) for _, group in groups]
