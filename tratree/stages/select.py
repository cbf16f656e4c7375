"""Stages that choose what is imitated without a search: ``select`` and, by steps, ``progress``."""

from __future__ import annotations

from typing import Any

from tratree.config import Config
from tratree.stages.file_names import EPISODES
from tratree.stages.paths import PATHS
from tratree.stages.trees import iterate_stage_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.selection import Keep, select_trajectories
from tratree.tree.advantage import with_progress
from tratree.words import counted


def select_stage(config: Config, explored: Stage, keep: Keep) -> Stage:
    """Choose among the trajectories of each task; see `select_trajectories`."""
    settings: dict[str, Any] = {"keep": keep, "per_task": config.method.trajectories_per_task}
    if keep == "scored":
        settings["minimum_score"] = config.method.minimum_score
    return Stage("select", settings, _select, {"explored": explored}, self_contained=True)


def _select(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    chosen = select_trajectories(explored, **job.settings)
    write_trajectories(job.folder / PATHS, chosen)
    tasks, of_tasks = ({t.task.task_id for t in some} for some in (chosen, explored))
    job.progress.message(
        f"  {len(chosen)} of {counted(len(explored), 'trajectory', 'trajectories')}, "
        f"of {len(tasks)} of {counted(len(of_tasks), 'task')}"
    )


def progress_stage(config: Config, trees: Stage) -> Stage:
    """Choose the steps of successes and failures that brought the agent nearer to success."""
    settings = {} if config.method.failures else {"failures": False}
    return Stage("progress", settings, _choose_progress, {"trees": trees}, self_contained=True)


def _choose_progress(job: Job) -> None:
    trees = tried = successes = trained = steps = 0
    chosen = []
    for tree in iterate_stage_trees(job.inputs["trees"]):
        found = with_progress(tree, **job.settings)
        chosen += found
        trees += bool(found)
        tried += 1
        successes += sum(t.success for t in found)
        trained += sum(step.trained for t in found for step in t.steps)
        steps += sum(len(t.steps) for t in tree.trajectories)
    write_trajectories(job.folder / PATHS, chosen)
    job.progress.message(
        f"  {trained} of {counted(steps, 'step')} made progress, in "
        f"{counted(successes, 'success', 'successes')} and "
        f"{counted(len(chosen) - successes, 'failure')} of {trees} of {counted(tried, 'tree')}"
    )
