"""Scores of models: no true score leaks into them, devices share them, no model is kept after."""

from __future__ import annotations

import gc
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from transformers import PreTrainedModel

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.modules.settings import HardwareSettings
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.explore import explore_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.pairs import pairs_stage
from tratree.stages.reference import REFERENCE, reference_stage
from tratree.stages.self_score import self_score_stage
from tratree.stages.sft import sft_stage
from tratree.stages.trees import trees_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.store.store import Store
from tratree.trajectory.jsonl import read_trajectories, write_trajectories


def models_alive() -> int:
    return sum(issubclass(type(thing), PreTrainedModel) for thing in gc.get_objects())


@pytest.mark.slow
def test_true_scores_and_number_of_devices_change_no_byte(tmp_path: Path) -> None:
    config = compose_config(["debug=smoke", "explore.score=self", "method=tree_dpo"])
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    resources = Resources(WorkerSettings(), EngineSettings(8), tmp_path / "cache")
    store = Store(tmp_path / "store", resources, progress)
    before = models_alive()
    weak = sft_stage(config, "weak")
    store.ensure(weak)
    assert models_alive() == before  # a training lets go of its model
    stage = self_score_stage(config, explore_stage(config, weak), weak)
    scored = (store.ensure(stage) / EPISODES).read_bytes()
    pairs = pairs_stage(config, trees_stage(config, stage))
    reference = reference_stage(config, pairs, weak)
    of_pairs = (store.ensure(reference) / REFERENCE).read_bytes()
    assert len(json.loads(of_pairs)) > 10
    assert models_alive() == before  # and so do exploration and scoring

    inputs = {name: store.ensure(before) for name, before in stage.inputs.items()}
    explored = read_trajectories(inputs["explored"] / EPISODES)
    scores = [n / len(explored) for n in range(len(explored))]
    random.Random(0).shuffle(scores)
    lied = [
        replace(t, score=score, success=score > 0.5, finished=score > 0.3)
        for t, score in zip(explored, scores, strict=True)
    ]
    write_trajectories(tmp_path / EPISODES, lied)
    output = tmp_path / "output"
    output.mkdir()
    inputs["explored"] = tmp_path
    two = replace(resources, workers=WorkerSettings("auto"), hardware=HardwareSettings(devices=2))
    stage.run(Job(stage.settings, inputs, output, two, progress))
    assert (output / EPISODES).read_bytes() == scored
    assert {t.finished for t in read_trajectories(output / EPISODES)} == {False}

    inputs = {name: store.ensure(before) for name, before in reference.inputs.items()}
    reference.run(Job(reference.settings, inputs, output, two, progress))
    assert (output / REFERENCE).read_bytes() == of_pairs


def test_own_scores_are_calibrated_on_episodes_of_another_split() -> None:
    config = compose_config(["explore.score=self", "explore.calibrate_on=development"])
    weak = sft_stage(config, "weak")
    stage = self_score_stage(config, explore_stage(config, weak), weak)
    played = compose_config(["evaluation.splits=[development]"])
    assert stage.inputs["own"].key == evaluate_stage(played, "sft_weak", weak).key
    for overrides, message in (
        (
            ["explore.score=self", "explore.calibrate_on=dev"],
            r"use one of train, seen, unseen, dev",
        ),
        (["explore.calibrate_on=development"], r"set explore\.score=self, or"),
    ):
        with pytest.raises(UserError, match=message):
            compose_config(overrides)
