"""From a run folder to its trees: where they lie, and what is said when they don't."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tratree.cli.compose import compose_config
from tratree.errors import UserError
from tratree.pipeline.methods import systems
from tratree.pipeline.progress import Progress
from tratree.pipeline.run_folder import STAGES, read_stages, write_stages
from tratree.pipeline.run_trees import find_trees
from tratree.pipeline.stage import Job, Resources, Stage
from tratree.pipeline.store import Store
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

EPISODES = "episodes.jsonl"


def explore(job: Job) -> None:
    """Write two trajectories of each of two tasks, as the stage of that name does."""
    step = Step("find mug", "go to shelf 1", "You see a mug.")
    write_trajectories(
        job.folder / EPISODES,
        [
            Trajectory(Task(f"t{task}", "train", "pick", "go"), "start", (step,) * n, n - 1.0, n == 2, True, n)
            for task in range(2)
            for n in (1, 2)
        ],
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a store, and a finished run of the real trees and paths stages in it."""
    config = compose_config(["method.iterations=50"])
    explored = Stage("explore", {}, explore)
    paths = systems(config)["mcts"].inputs["paths"]
    paths = replace(paths, inputs={"trees": replace(paths.inputs["trees"], inputs={"explored": explored})})
    root = tmp_path / "project" / "store"
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    Store(root, Resources(1, 1, root / "cache"), progress).ensure(paths)
    write_stages(tmp_path / "project" / "run", str(root), [paths])
    return tmp_path / "project"
