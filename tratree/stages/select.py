"""Stage ``select``: explored trajectories that are imitated as they are, without a tree."""

from __future__ import annotations

from typing import Any

from tratree.config import Config
from tratree.stages.file_names import EPISODES
from tratree.stages.paths import PATHS
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.selection import Keep, select_trajectories


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
        f"  {len(chosen)} of {len(explored)} trajectories, of {len(tasks)} of {len(of_tasks)} tasks"
    )
