"""Stage ``evaluate``: one system plays the fixed held-out episodes."""

from __future__ import annotations

import json

from tratree.config import Config
from tratree.evaluation.metrics import summarize
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.environment import env_maker, games_stage
from tratree.pipeline.stages.episodes import play_episodes, rollout_settings
from tratree.pipeline.stages.tasks import evaluated_tasks
from tratree.policy.rollout import Episode
from tratree.policy.sampling import SamplingSettings

METRICS = "metrics.json"


def evaluate_stage(config: Config, system: str, trained: Stage) -> Stage:
    """Let the model of `trained` play the same episodes of each split greedily."""
    settings = {
        "splits": {name: config.env.splits[name] for name in config.evaluation.splits},
        "episodes": config.evaluation.episodes,
        "rollout": rollout_settings(config),
        "dtype": config.model.rollout_dtype,
        "seed": config.seed,
    }
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
    greedy = SamplingSettings(temperature=0.0)
    episodes = [Episode(task, 0, greedy) for task in tasks]
    played = play_episodes(job, episodes, source="evaluate")
    metrics = {
        name: summarize([t for t in played if t.task.split == split])
        for name, split in settings["splits"].items()
    }
    (job.folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
