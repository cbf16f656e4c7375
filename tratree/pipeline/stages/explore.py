"""Stage ``explore``: a model tries many training tasks, M times each."""

from __future__ import annotations

from dataclasses import asdict
from itertools import cycle, islice

from tratree.config import Config, SamplingConfig
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.demonstrations import DEMONSTRATIONS
from tratree.pipeline.stages.environment import env_maker, games_stage
from tratree.pipeline.stages.episodes import play_episodes, rollout_settings
from tratree.pipeline.stages.tasks import explored_tasks
from tratree.policy.rollout import Episode
from tratree.policy.sampling import SamplingSettings
from tratree.trajectory.jsonl import read_trajectories


def explore_stage(
    config: Config, explorer: Stage, *, demonstrations: Stage | None = None, label: str = ""
) -> Stage:
    """Sample M trajectories a task (section 3.1 of the paper) with the model of `explorer`.

    Args:
        config: The run's.
        explorer: A fine-tuning.
        demonstrations: If given, the tasks are those that the expert demonstrates, else
            ``explore.tasks`` of the training tasks.
        label: See `Stage`.
    """
    settings = {
        "split": config.env.splits["train"],
        "tasks": None if demonstrations else config.explore.tasks,
        "sampling": [
            asdict(s) for s in sampling_plan(config.explore.sampling, config.explore.trajectories)
        ],
        "rollout": rollout_settings(config),
        "dtype": config.model.rollout_dtype,
        "seed": config.seed,
    }
    inputs = {"games": games_stage(config), "model": explorer}
    if demonstrations is not None:
        inputs["demonstrations"] = demonstrations
    return Stage("explore", settings, _explore, inputs, label=label)


def sampling_plan(settings: list[SamplingConfig], trajectories: int) -> list[SamplingConfig]:
    """Return the setting of each of the M trajectories.

    The settings take turns; after the first turn the greedy ones are left out, because they
    would give the same trajectory again, unless there are no others.
    """
    sampled = [s for s in settings if s.temperature > 0] or settings
    plan = [*settings, *islice(cycle(sampled), max(0, trajectories - len(settings)))]
    return plan[:trajectories]


def _explore(job: Job) -> None:
    settings = job.settings
    env = env_maker(job)()
    try:
        tasks = explored_tasks(env.tasks(settings["split"]), settings["tasks"], settings["seed"])
    finally:
        env.close()
    if "demonstrations" in job.inputs:
        shown = read_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
        demonstrated = {trajectory.task.task_id for trajectory in shown}
        tasks = [task for task in tasks if task.task_id in demonstrated]
    plan = [SamplingSettings(**s) for s in settings["sampling"]]
    episodes = [Episode(task, m, sampling) for task in tasks for m, sampling in enumerate(plan)]
    played = play_episodes(job, episodes, source="explore")
    solved = {t.task.task_id for t in played if t.success}
    failed = {t.task.task_id for t in played if not t.success}
    job.progress.message(
        f"  {len(played)} trajectories, {sum(t.success for t in played) / len(played):.1%} solved; "
        f"{len(solved)} of {len(tasks)} tasks solved at least once, "
        f"{len(solved & failed)} with successes and failures"
    )
