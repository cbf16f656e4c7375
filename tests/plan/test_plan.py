"""Plans of the paper's sizes: shapes, memory, work, sharing and reuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, Qwen2Config

from experiments.paper import cost_page
from tratree.cli.plan import main
from tratree.composition import split_points
from tratree.errors import UserError
from tratree.models.loading import load_base
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.plan.assumptions import GIB, Assumptions, read_assumptions
from tratree.plan.hours import Machine
from tratree.plan.memory import TrainingPass, size_of, training_bytes
from tratree.plan.plan import Plan, make_plan

LLAMA = "meta-llama/Llama-2-13b-chat-hf"
QWEN = "Qwen/Qwen2.5-14B-Instruct"
NODE = Machine("h100", 8, 1)


@pytest.fixture(scope="module")
def assumed() -> Assumptions:
    return read_assumptions()


def test_models_have_the_published_sizes() -> None:
    found = size_of(LLAMA, None, "bfloat16", LoraSettings(), 4096)
    assert found.parameters == 13_015_864_320
    # Rank 64 on four attention and three feed-forward matrices of each of 40 layers.
    assert found.trained == 40 * 64 * (4 * 2 * 5120 + 3 * (5120 + 13_824))
    assert found.trained_bytes == 4 * found.trained
    assert found.episode == 2 * 40 * 5120 * 2 * (4096 + 1)
    assert found.layers * found.layer + 2 * 2 * 32_000 * 5120 + 2 * 5120 == found.base


def test_a_model_of_one_layer_has_a_size(tmp_path: Path) -> None:
    size = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    config = Qwen2Config(
        **size, num_hidden_layers=1, num_key_value_heads=1, vocab_size=32, tie_word_embeddings=True
    )
    config.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_config(config)
    found = size_of(str(tmp_path), None, "float32", LoraSettings(), 64)
    assert found.layers == 1
    assert found.parameters == model.num_parameters()
    assert found.layer == 4 * sum(weights.numel() for weights in model.model.layers.parameters())


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_a_quantised_base_is_planned_as_bitsandbytes_makes_it(quantization: Any) -> None:
    name = "package:models/tiny/strong"
    made = load_base(ModelSettings(name, dtype="float32", quantization=quantization))
    held = sum(weights.numel() * weights.element_size() for weights in made.parameters())
    unpacked = 4 * 320 * 128  # the largest matrix, in float32
    planned = size_of(name, None, "float32", LoraSettings(), 512, quantization).base - unpacked
    assert held <= planned < 1.05 * held  # with the scales


def test_a_pass_of_14b_takes_what_a_review_measured() -> None:
    """45 GiB with checkpointing and 212 without, gradients and optimizer not counted.

    It had all logits in memory at a time, which are now computed in parts.
    """
    size = size_of(QWEN, None, "bfloat16", LoraSettings(), 4096)
    for checkpointing, reviewed in ((True, 45), (False, 212)):
        taken = training_bytes(
            QWEN,
            None,
            "bfloat16",
            LoraSettings(),
            TrainingPass(4, 4096, 2600, 4000),
            checkpointing=checkpointing,
            mixed=True,
        )
        planned_gib = (size.base + size.trained_bytes + taken) / GIB
        assert 0.9 * reviewed < planned_gib < reviewed


def planned(assumed: Assumptions, *overrides: str) -> Plan:
    run = ("trainer=ddp_sim", "model.context=512", "rollout.batch_size=4")
    return make_plan(split_points((*run, *overrides)), NODE, assumed)


def test_a_sweep_counts_once_what_its_runs_share(assumed: Assumptions) -> None:
    one = planned(assumed, "method=tree_dpo")
    two = planned(assumed, "method=tree_dpo", "method.beta=0.1,0.3")
    count = {stage.title: (stage.count, stage.asked) for stage in two.stages}
    assert count["prefer"] == count["evaluate tree_dpo"] == (2, 2)
    assert count["sft weak"] == count["explore"] == count["reference"] == (1, 2)
    assert two.without_reuse == pytest.approx(2 * one.hours[1][0])
    again = sum(s.hours[0] for s in one.stages if s.title in ("prefer", "evaluate tree_dpo"))
    assert two.hours[1][0] == pytest.approx(one.hours[1][0] + again)


def test_more_devices_take_less_time_and_better_cases_too(assumed: Assumptions) -> None:
    plan = planned(assumed, "method=mcts", "rollout.workers=4")
    for worse, expected, better in zip(*plan.hours, strict=True):
        assert worse > expected > better > 0
    for stage in plan.stages:
        alone, as_set, shared = stage.hours
        assert alone > as_set > shared
    assert plan.hours[1] == pytest.approx(
        [sum(stage.hours[place] for stage in plan.stages) for place in range(3)]
    )


def test_what_a_run_would_refuse_is_no_plan(assumed: Assumptions) -> None:
    with pytest.raises(UserError, match=r"trainer\.devices=2 is more than --gpus 1"):
        make_plan([("trainer=ddp_sim",)], Machine("h100", 1, 1), assumed)
    with pytest.raises(UserError, match="attends over 1024 tokens"):
        make_plan([("model.context=2048",)], NODE, assumed)


def test_an_experiment_brings_its_sweep() -> None:
    points = split_points(["experiment=beta_sweep", "seed=0", "env=alfworld"])
    assert len(points) == len(set(points)) == 10
    assert all("seed=0" in point and "env=alfworld" in point for point in points)
    assert split_points(["seed=1"]) == [("seed=1",)]


def test_other_assumptions_replace_some(tmp_path: Path) -> None:
    other = tmp_path / "mine.yaml"
    card = "{memory: 16, tflops: 100, bandwidth: 500, link: 32}"
    other.write_text(f"disk: 2.5\ngpus: {{mine: {card}}}\n")
    found = read_assumptions(other)
    assert found.gpu("mine")["memory"] == 16
    assert found.gpu("h100")["tflops"] == 989
    assert found.one("disk") == 2.5
    with pytest.raises(UserError, match=r"--gpu h10 is not known: use one of .*h100"):
        found.gpu("h10")
    other.write_text("disc: 2\n")
    with pytest.raises(UserError, match="disc is not known"):
        read_assumptions(other)
    other.write_text("disk: fast\n")
    with pytest.raises(UserError, match="disk"):
        read_assumptions(other)


def test_the_page_has_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = (*cost_page.RUN, *cost_page.RUNS[1][2])
    main([*overrides, "--gpu", "h100"])
    assert capsys.readouterr().out.strip() in cost_page.PAGE.read_text("utf-8")
