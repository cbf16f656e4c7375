"""Stages of KTO: trajectories that are wanted or not, and the training on them."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial

from tratree.config import Config
from tratree.modules.settings import DPOSettings
from tratree.stages.file_names import EPISODES
from tratree.stages.paths import PATHS
from tratree.stages.reference import REFERENCE, example_settings, pack_tokens, pair_chat
from tratree.stages.training_settings import RESUMED, on_devices, training_settings
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories, read_trajectories, write_trajectories
from tratree.words import counted


def labels_stage(config: Config, explored: Stage) -> Stage:
    """Choose the trajectories that are labelled by their success: ``method.outcomes``."""
    settings = {"outcomes": config.method.outcomes}
    return Stage("labels", settings, _choose, {"explored": explored}, self_contained=True)


def kto_stage(config: Config, labels: Stage, reference: Stage, start: Stage | None) -> Stage:
    """Minimise L_KTO over labelled trajectories, successes wanted and failures not.

    `reference` has their log-probabilities under the reference model; without `start`, training
    starts from the base model.
    """
    settings = {
        **training_settings(config, config.model.strong, config.model.preference),
        "loss": {n: getattr(config.method, n) for n in ("beta", "length_normalised")},
        "pack_tokens": pack_tokens(config),
        **example_settings(config),
    }
    inputs = {"labels": labels, "reference": reference}
    if start is not None:
        inputs["start"] = start
    return Stage("kto", settings, on_devices(_train), inputs, resumes=RESUMED)


def _choose(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    outcomes: defaultdict[str, set[bool]] = defaultdict(set)
    for trajectory in explored:
        outcomes[trajectory.task.task_id].add(trajectory.success)
    most = 1 if job.settings["outcomes"] == "one" else 2
    chosen = [t for t in explored if len(outcomes[t.task.task_id]) <= most and t.steps]
    write_trajectories(job.folder / PATHS, chosen)
    wanted = sum(t.success for t in chosen)
    job.progress.message(
        f"  {counted(wanted, 'trajectory', 'trajectories')} wanted and {len(chosen) - wanted} not, "
        f"of {len({t.task.task_id for t in chosen})} of {counted(len(outcomes), 'task')}"
    )


def _train(job: Job) -> None:
    from tratree.data.labels import LabelDataModule, LabelledTrajectory
    from tratree.modules.kto import KTOModule
    from tratree.policy.encoding import encode_trajectory
    from tratree.stages.training import load_chat, train

    chat = pair_chat(load_chat(job.settings), job.settings)
    labelled = iterate_trajectories(job.inputs["labels"] / PATHS)
    # Of an iterator, nothing is kept during the training.
    scores = iter(json.loads((job.inputs["reference"] / REFERENCE).read_text("utf-8")))
    data = LabelDataModule(
        (
            LabelledTrajectory(
                encode_trajectory(chat, t).compact(), t.success, score, t.task.task_id
            )
            for t, score in zip(labelled, scores, strict=True)
        ),
        job.settings["context"],
        pack_tokens=job.settings["pack_tokens"],
    )
    constants = DPOSettings(**job.settings["loss"])
    train(job, partial(KTOModule, dpo=constants), data)
