"""Stage ``self_score``: the explorer's own scores take the place of the environment's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tratree.config import Config
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.players import scorers
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories

if TYPE_CHECKING:
    from tratree.modules.self_score import Observed, States

_TOKENS = 16384
"""Tokens of a pass on a GPU. On a CPU a pass reads one trajectory, which is as fast there."""


def self_score_stage(config: Config, explored: Stage, explorer: Stage, label: str = "") -> Stage:
    """Let the model of `explorer` score what it explored; the true score is not read.

    With ``explore.calibrate_on``, that of other tasks is.
    """
    inputs = {
        "explored": explored,
        "demonstrations": demonstrations_stage(config),
        "model": explorer,
    }
    settings = {"dtype": config.model.rollout_dtype, "context": config.model.context}
    if split := config.explore.calibrate_on:
        evaluation = replace(config.evaluation, splits=(split,))
        own = replace(config, evaluation=evaluation)
        inputs["own"] = evaluate_stage(own, "self-score", explorer)
    return Stage("self_score", settings, _score, inputs, label=label)


def _score(job: Job) -> None:
    from tratree.data.padding import cut_into_batches
    from tratree.modules.self_score import (
        observed,
        score_itself,
        success_probability,
        train_success_head,
    )
    from tratree.policy.workers import compute
    from tratree.stages.training import load_chat

    trained, settings = job.inputs["model"], job.settings
    chat = load_chat(read_description(trained)["settings"])
    demonstrations = read_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    own = read_trajectories(job.inputs["own"] / EPISODES) if "own" in job.inputs else []
    taught = [*demonstrations, *own]
    solved = [True] * len(demonstrations) + [t.success for t in own]
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    episodes = [observed(chat, t, settings["context"]) for t in (*taught, *explored)]
    places = scorers(job.resources)
    parts = cut_into_batches(episodes, _TOKENS if places.gpus else 1)
    found = compute(
        partial(_load_reader, trained, settings["dtype"]),
        [[episodes[index] for index in part] for part in parts],
        places,
        report=lambda line: job.progress.message(f"  {line}"),
    )
    states: dict[int, States] = {}
    with job.progress.bar("self-scores", len(parts)) as advance:
        for done, (number, of_part) in enumerate(found, 1):
            for index, states_of_one in zip(parts[number], of_part, strict=True):
                # Of what was explored only the last one is read.
                first = 0 if index < len(taught) else -1
                states[index] = states_of_one[first:]
            advance(done)
    head = train_success_head([states[index] for index in range(len(taught))], solved)
    scored = [
        score_itself(trajectory, success_probability(head, states[index]))
        for index, trajectory in enumerate(explored, len(taught))
    ]
    write_trajectories(job.folder / EPISODES, scored)
    believed = sum(t.success for t in scored) / len(scored)
    job.progress.message(f"  the explorer takes {believed:.1%} of its trajectories for solved")


def _load_reader(trained: Path, dtype: str) -> Callable[[Sequence[Observed]], list[States]]:
    from tratree.modules.self_score import observation_states
    from tratree.stages.training import load_policy

    model, _ = load_policy(trained, dtype)
    return partial(observation_states, model)
