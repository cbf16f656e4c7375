"""Stage ``prefer``: the strong model learns to prefer success to failure where they part."""

from __future__ import annotations

import json

from tratree.config import Config
from tratree.data.pairs import EncodedPair, PairDataModule
from tratree.modules.tree_dpo import DPOSettings, TreeDPOModule
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.pairs import read_pairs
from tratree.pipeline.stages.reference import REFERENCE, encode_pair, pack_tokens
from tratree.pipeline.stages.sft import sft_stage
from tratree.pipeline.stages.training import (
    load_chat,
    load_start,
    on_devices,
    read_training_settings,
    train,
    training_settings,
)


def prefer_stage(config: Config, pairs: Stage, reference: Stage) -> Stage:
    """Minimise L_TreeDPO over the pairs (section 3.2 of the paper)."""
    strong, method = config.model.strong, config.method
    settings = {
        **training_settings(config, strong, config.model.preference),
        "dpo": {
            "beta": method.beta,
            "label_smoothing": method.label_smoothing,
            "length_normalised": method.length_normalised,
        },
        "pack_tokens": pack_tokens(config),
    }
    inputs = {"pairs": pairs, "trees": pairs.inputs["trees"], "reference": reference}
    if method.start == "sft":
        inputs["start"] = sft_stage(config, "strong")
    return Stage("prefer", settings, on_devices(_train), inputs)


def _train(job: Job) -> None:
    chat = load_chat(job.settings)
    pairs = read_pairs(job.inputs["pairs"], job.inputs["trees"])
    scores = json.loads((job.inputs["reference"] / REFERENCE).read_text("utf-8"))
    data = PairDataModule(
        [
            EncodedPair(
                *encode_pair(chat, pair),
                reference=(chosen, rejected),
                tree=pair.chosen.task.task_id,
            )
            for pair, (chosen, rejected) in zip(pairs, scores, strict=True)
        ],
        job.settings["context"],
        pack_tokens=job.settings["pack_tokens"],
    )
    dpo = DPOSettings(**job.settings["dpo"])
    train(job, TreeDPOModule(load_start(job), read_training_settings(job), dpo), data)
