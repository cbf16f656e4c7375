"""Stage ``evaluate``: one system plays the fixed held-out episodes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from tratree.config import Config
from tratree.evaluation.best_of import best_of
from tratree.evaluation.metrics import summarize
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.environment import env_maker, games_stage
from tratree.pipeline.stages.episodes import EPISODES, play_episodes, rollout_settings
from tratree.pipeline.stages.explore import sampling_plan
from tratree.pipeline.stages.tasks import evaluated_tasks
from tratree.policy.rollout import Episode
from tratree.policy.sampling import SamplingSettings
from tratree.trajectory.jsonl import write_trajectories

METRICS = "metrics.json"


def evaluate_stage(
    config: Config, system: str, trained: Stage, *, best_of: int | None = None
) -> Stage:
    """Let the model of `trained` play the same episodes of each split greedily.

    Args:
        config: The run's.
        system: Its name.
        trained: A fine-tuning.
        best_of: If given, each task is played so often, with the settings of ``explore.sampling``
            in turn, and the best trajectory counts.
    """
    settings: dict[str, Any] = {
        "splits": {name: config.env.splits[name] for name in config.evaluation.splits},
        "episodes": config.evaluation.episodes,
        "rollout": rollout_settings(config),
        "dtype": config.model.rollout_dtype,
        "seed": config.seed,
    }
    if best_of is not None:
        plan = sampling_plan(config.explore.sampling, best_of)
        settings["best_of"] = [asdict(sampling) for sampling in plan]
    inputs = {"games": games_stage(config), "model": trained}
    return Stage("evaluate", settings, _evaluate, inputs, label=system)


def _evaluate(job: Job) -> None:
    settings = job.settings
    env = env_maker(job)()
    try:
        tasks = [
            task
            for split in settings["splits"].values()
            for task in evaluated_tasks(env.tasks(split), settings["episodes"])
        ]
    finally:
        env.close()
    plan = [SamplingSettings(**s) for s in settings.get("best_of", [{"temperature": 0.0}])]
    episodes = [Episode(task, n, sampling) for task in tasks for n, sampling in enumerate(plan)]
    played = play_episodes(job, episodes, source="evaluate")
    if "best_of" in settings:
        played = best_of(played)
        write_trajectories(job.folder / EPISODES, played)
    metrics = {
        name: summarize([t for t in played if t.task.split == split])
        for name, split in settings["splits"].items()
    }
    (job.folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
