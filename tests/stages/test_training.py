"""Reports of a fine-tuning about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.modules.adapter_module import learning_rate_schedule
from tratree.modules.fit import FitReport
from tratree.modules.settings import TrainingSettings
from tratree.stages.training import describe
from tratree.stages.training_settings import training_settings


def test_what_was_learnt_is_said_in_a_line() -> None:
    said = "7 samples, 3 steps, loss 0.1235 per token at the end"
    assert describe(FitReport(samples=7, too_long=0, steps=3, loss=0.12345), "token") == said
    left_out = "; 2 samples left out, longer than the context"
    report = FitReport(samples=7, too_long=2, steps=3, loss=0.12345)
    assert describe(report, "token") == said + left_out
    imitated = FitReport(samples=7, too_long=0, steps=3, loss=12.3, loss_per_token=0.321)
    one = FitReport(samples=1, too_long=0, steps=1, loss=0.5)
    assert describe(one, "token").startswith("1 sample, 1 step, ")
    said = "7 samples, 3 steps, loss 0.3210 per token (12.30 per path) at the end"
    assert describe(imitated, "path") == said


def test_nothing_to_learn_from_is_said_and_what_to_do_if_all_was_too_long() -> None:
    said = "nothing to learn from: the weights stay bit for bit as they were"
    assert describe(FitReport(samples=0, too_long=0, steps=0, loss=None), "token") == said
    assert describe(FitReport(samples=0, too_long=2, steps=0, loss=None), "token") == (
        said + "; 2 samples left out, longer than the context: raise model.context"
    )


def fine_tuning(*overrides: str) -> dict[str, Any]:
    config = compose_config(overrides)
    return training_settings(config, config.model.weak, config.model.weak.sft)


def test_a_setting_that_came_later_is_in_no_key_until_it_is_used() -> None:
    default = fine_tuning()
    assert set(default["lora"]) == {"rank", "alpha", "dropout", "target_modules"}
    assert "revision" not in default["base"]
    assert "revision" not in default["chat"]
    for override, expected in (
        ("model.lora.dora=true", {"dora": True}),
        ("model.lora.rslora=true", {"rslora": True}),
        ("model.lora.modules_to_save=[lm_head]", {"modules_to_save": ["lm_head"]}),
    ):
        assert fine_tuning(override)["lora"] == {**default["lora"], **expected}
    assert fine_tuning("model.lora=null")["lora"] is None
    assert fine_tuning("model.weak.sft.schedule=linear")["optimization"]["schedule"] == "linear"


@pytest.mark.parametrize("changes", ["model.lora=null", "model.lora.dora=true"])
def test_a_server_plays_plain_adapters_only(changes: str) -> None:
    with pytest.raises(UserError, match="vllm plays plain LoRA adapters"):
        compose_config(["rollout.engine=vllm", "rollout.servers=[http://a]", changes])


def test_a_hub_models_commit_is_stored_and_changes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    refs = tmp_path / "models--some--model" / "refs"
    refs.mkdir(parents=True)
    found = []
    for commit in ("0" * 40, "1" * 40):
        (refs / "main").write_text(commit, encoding="utf-8")
        found.append(fine_tuning("model.weak.name=some/model"))
        assert found[-1]["base"]["revision"] == found[-1]["chat"]["revision"] == commit
        assert found[-1]["weights"] == f"some/model@{commit}"
    assert found[0] != found[1]
    pinned = fine_tuning("model.weak.name=some/model", f"model.weak.revision='{'0' * 40}'")
    assert pinned == found[0]


def test_the_linear_schedule_is_that_of_transformers() -> None:
    settings = TrainingSettings(
        learning_rate=2.0, epochs=1, batch_size=1, warmup_share=0.2, schedule="linear"
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = learning_rate_schedule(optimizer, 10, settings)
    rates = []
    for _ in range(10):
        rates += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.0, 1.0, *(2 * (10 - step) / 8 for step in range(2, 10))])
