"""Stage ``prefer``: the strong model learns to prefer one side of each pair to the other."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import partial
from typing import Any

from tratree.config import Config
from tratree.modules.settings import DPOSettings
from tratree.stages.pairs import load_pairs, pair_inputs
from tratree.stages.reference import (
    REFERENCE,
    encode_pair,
    example_settings,
    pack_tokens,
    pair_chat,
)
from tratree.stages.training_settings import RESUMED, on_devices, training_settings
from tratree.store.stage import Job, Stage


def prefer_stage(
    config: Config,
    pairs: Stage,
    reference: Stage,
    *,
    start: Stage | None,
    label: str = "",
) -> Stage:
    """Minimise L_TreeDPO over the pairs (section 3.2 of the paper).

    `reference` has their log-probabilities under the reference model; without `start`, training
    starts from the base model.
    """
    strong, method = config.model.strong, config.method
    settings = {
        **training_settings(config, strong, config.model.preference),
        "dpo": _dpo_settings(method),
        "pack_tokens": pack_tokens(config),
        **example_settings(config),
    }
    inputs = {**pair_inputs(pairs), "reference": reference}
    if start is not None:
        inputs["start"] = start
    run = on_devices(_train)
    return Stage("prefer", settings, run, inputs, label=label, version=2, resumes=RESUMED)


def _dpo_settings(method: DPOSettings) -> dict[str, Any]:
    """Return the constants of the loss; those that the paper does not have if they are set."""
    found = {f.name: getattr(method, f.name) for f in fields(DPOSettings)}
    defaults = {"loss": DPOSettings.loss, "nll_weight": DPOSettings.nll_weight}
    return {name: value for name, value in found.items() if value != defaults.get(name)}


def _train(job: Job) -> None:
    from tratree.data.pairs import EncodedPair, PairDataModule
    from tratree.modules.tree_dpo import TreeDPOModule
    from tratree.stages.training import load_chat, train

    chat = pair_chat(load_chat(job.settings), job.settings)
    pairs = load_pairs(job)
    # Of an iterator, nothing is kept during the training.
    scores = iter(json.loads((job.inputs["reference"] / REFERENCE).read_text("utf-8")))
    data = PairDataModule(
        (
            EncodedPair(
                *encode_pair(chat, pair),
                reference=(chosen, rejected),
                tree=pair.chosen.task.task_id,
            )
            for pair, (chosen, rejected) in zip(pairs, scores, strict=True)
        ),
        job.settings["context"],
        pack_tokens=job.settings["pack_tokens"],
    )
    dpo = DPOSettings(**job.settings["dpo"])
    train(job, partial(TreeDPOModule, dpo=dpo), data)
