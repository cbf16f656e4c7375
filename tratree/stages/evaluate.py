"""Stage ``evaluate``: one system plays the fixed held-out episodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.evaluation.best_of import best_of
from tratree.evaluation.metrics import summarize
from tratree.policy.rollout_settings import Episode, SamplingSettings
from tratree.settings import plain
from tratree.stages.environment import env_maker, games_stage, say_notes
from tratree.stages.explore import sampling_plan
from tratree.stages.file_names import EPISODES, EPISODES_LOG, METRICS
from tratree.stages.playing import (
    engine_settings,
    play_episodes,
    rollout_settings,
    serving,
    write_episodes,
)
from tratree.stages.tasks import evaluated_tasks
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Task, Trajectory


def evaluate_stage(
    config: Config, system: str, trained: Stage, *, best_of: int | None = None
) -> Stage:
    """Let the model of `trained` play the same episodes of each split.

    With `best_of`, each task is played so often, with the settings of ``explore.sampling`` in turn,
    and the best trajectory counts.
    """
    settings: dict[str, Any] = {
        **protocol(config),
        "dtype": config.model.rollout_dtype,
        "seed": config.seed,
    }
    if best_of is not None:
        plan = sampling_plan(config.explore.sampling, best_of)
        settings["best_of"] = [plain(sampling) for sampling in plan]
    inputs = {"games": games_stage(config), "model": trained}
    return Stage(
        *("evaluate", settings, _evaluate, inputs),
        label=system,
        version=2,
        resumes=(EPISODES_LOG,),
    )


def protocol(config: Config) -> dict[str, Any]:
    """Return what every system is evaluated by, as JSON data."""
    evaluation = config.evaluation
    return {
        "splits": {name: config.env.splits[name] for name in evaluation.splits},
        "episodes": evaluation.episodes,
        "samples": evaluation.samples,
        "sampling": plain(evaluation.sampling),
        "rollout": rollout_settings(config),
        **engine_settings(config),
    }


def reading(config: Config) -> dict[str, Any]:
    """Return how the environment shows itself and reads actions; the games hold it, too."""
    env = config.env
    most = {} if env.show_at_most is None else {"show_at_most": env.show_at_most}
    return {"show_admissible": env.show_admissible, **most, "forgiving": env.forgiving}


def read_evaluation(
    folder: Path, splits: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, list[Trajectory]]]:
    """Return the figures and the trajectories of each split of a finished ``evaluate`` stage."""
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return metrics, _by_split(read_trajectories(folder / EPISODES), splits)


def _evaluate(job: Job) -> None:
    settings = job.settings
    tasks: list[Task] = []
    with closing(env_maker(job)()) as env:
        for split in settings["splits"].values():
            say_notes(job, env, split)
            tasks += evaluated_tasks(env.tasks(split), settings["episodes"])
    samples = [settings["sampling"]] * settings["samples"]
    plan = [SamplingSettings(**s) for s in settings.get("best_of", samples)]
    episodes = [Episode(task, n, sampling) for task in tasks for n, sampling in enumerate(plan)]
    with serving(job) as servers:
        played = play_episodes(job, episodes, source="evaluate", servers=servers)
    if "best_of" in settings:
        played = best_of(played)
    write_episodes(job, played)
    metrics = {
        name: summarize(of_split)
        for name, of_split in _by_split(played, settings["splits"]).items()
    }
    (job.folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


def _by_split(played: list[Trajectory], splits: Mapping[str, str]) -> dict[str, list[Trajectory]]:
    return {name: [t for t in played if t.task.split == split] for name, split in splits.items()}
