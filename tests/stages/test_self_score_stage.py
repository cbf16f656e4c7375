"""With ``explore.score=self`` the true score does not leak into what the method learns from."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.explore import explore_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.self_score import self_score_stage
from tratree.stages.sft import sft_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.store.store import Store
from tratree.trajectory.jsonl import read_trajectories, write_trajectories


@pytest.mark.slow
def test_permuting_the_true_scores_changes_no_byte(tmp_path: Path) -> None:
    config = compose_config(["debug=smoke", "explore.score=self"])
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    resources = Resources(WorkerSettings(), EngineSettings(8), tmp_path / "cache")
    store = Store(tmp_path / "store", resources, progress)
    weak = sft_stage(config, "weak")
    stage = self_score_stage(config, explore_stage(config, weak), weak)
    scored = (store.ensure(stage) / EPISODES).read_bytes()

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
    stage.run(Job(stage.settings, inputs, output, resources, progress))
    assert (output / EPISODES).read_bytes() == scored
    assert {t.finished for t in read_trajectories(output / EPISODES)} == {False}
