"""The strong model's targets: the ids that the weak one sampled, or their texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.policy.small_tokenizers import LINES, tokenizer_of
from tratree.composition import compose_config
from tratree.modules.training_history import METRICS
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import without_token_ids
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.methods import mcts
from tratree.stages.paths import PATHS
from tratree.stages.training import read_report
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory


def save_model(folder: Path, family: str) -> ChatFormat:
    """Write a random model with a small tokenizer of a family."""
    tokenizer = tokenizer_of(family)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ChatFormat(tokenizer, family)


def sampled_path(chat: ChatFormat) -> Trajectory:
    """Return a path whose ids, as sampled, are not those of its text."""
    task = Task("task", "train", "put", "put a clean mug in cabinet 1")
    ids = (*chat.agent_turn("I should look for a mug first.", "go")[:-1], chat.stop_id)
    step = Step("", "go to countertop 1", LINES[2], token_ids=ids)
    return Trajectory(task, LINES[0], (step,), score=1.0, success=True, finished=True)


def losses(
    tmp_path: Path, name: str, strong: str, *imitated: Trajectory, overrides: Sequence[str] = ()
) -> str:
    """Let the strong model imitate paths; return the history of the fine-tuning."""
    config = compose_config(
        [
            *("method=mcts", "method.start=base", f"model.weak.name={tmp_path}/chatml"),
            *(f"model.strong.name={tmp_path}/{strong}", "model.chat_template=chatml"),
            f"model.strong.chat_template={strong}",
            *overrides,
        ]
    )
    paths, folder = tmp_path / f"{name}-paths", tmp_path / name
    for made in (paths, folder):
        made.mkdir()
    write_trajectories(paths / PATHS, imitated)
    stage = mcts(config)
    resources = Resources(WorkerSettings(), EngineSettings(1), tmp_path / "cache")
    stage.run(Job(stage.settings, {"paths": paths}, folder, resources, Progress()))
    assert read_report(folder).steps == config.model.imitation.epochs
    return (folder / METRICS).read_text("utf-8")


@pytest.mark.parametrize(("strong", "uses_ids"), [("chatml", True), ("llama3", False)])
def test_sampled_ids_never_reach_a_model_of_another_vocabulary(
    tmp_path: Path, strong: str, uses_ids: bool
) -> None:
    weak = save_model(tmp_path / "chatml", "chatml")
    if strong != "chatml":
        save_model(tmp_path / strong, strong)
    path = sampled_path(weak)
    with_ids = losses(tmp_path, "ids", strong, path)
    without = losses(tmp_path, "texts", strong, without_token_ids(path))
    assert (with_ids != without) == uses_ids


def test_whole_trees_are_another_way_to_compute_the_same_step(tmp_path: Path) -> None:
    path = without_token_ids(sampled_path(save_model(tmp_path / "chatml", "chatml")))
    first = path.steps[0]
    longer = replace(path, steps=(first, replace(first, action="take mug 1")))
    other = replace(path, task=replace(path.task, task_id="other"))
    padded, packed = (
        [
            json.loads(line)
            for line in losses(
                *(tmp_path, f"{whole}", "chatml", path, longer, other),
                overrides=[f"method.whole_trees={whole}"],
            ).splitlines()
        ]
        for whole in ("false", "true")
    )
    assert [row["step"] for row in packed] == [row["step"] for row in padded]
    for one, two in zip(packed, padded, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)


def test_refused_actions_are_shown_and_not_learned(tmp_path: Path) -> None:
    path = without_token_ids(sampled_path(save_model(tmp_path / "chatml", "chatml")))
    (taken,) = path.steps
    refused = replace(taken, action="take mug 1", valid=False)
    mixed, alone = (replace(path, steps=steps) for steps in ((refused, taken), (refused,)))
    without = ["method.imitate_refused=false"]
    left_out = losses(tmp_path, "left_out", "chatml", mixed, alone, overrides=without)
    masked = replace(path, steps=(replace(refused, trained=False), taken))
    assert left_out == losses(tmp_path, "masked", "chatml", masked)
    assert left_out != losses(tmp_path, "learned", "chatml", mixed)


def test_the_weak_models_chat_format_is_part_of_the_key(tmp_path: Path) -> None:
    save_model(tmp_path, "chatml")
    names = [f"model.weak.name={tmp_path}", f"model.strong.name={tmp_path}"]
    config = compose_config([*names, "model.chat_template=chatml"])
    other = replace(config.model.weak, chat_template=None)
    changed = replace(config, model=replace(config.model, weak=other))
    assert mcts(config).settings["sampled_by"] != mcts(changed).settings["sampled_by"]
