"""The trials of a model: what is right, and what is found where something is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tratree.cli import check_model as command
from tratree.errors import UserError
from tratree.models.settings import ChatSettings, LoraSettings, ModelSettings
from tratree.modules import model_check
from tratree.modules.model_check import Subject, check_model

TINY = ModelSettings(name="package:models/tiny/weak", dtype="float64")
SUBJECT = Subject(
    TINY, ChatSettings(chat_template="tiny"), LoraSettings(rank=4), "float64", command.TEXTS
)
TRIALS = ["template", "masks", "stop tokens", "adapter", "rollout", "batches", "packs"]


def test_a_model_that_is_right() -> None:
    findings = check_model(SUBJECT)
    assert [finding.trial for finding in findings] == TRIALS
    assert [finding for finding in findings if not finding.right] == []


def test_a_model_that_is_trained_whole() -> None:
    findings = check_model(replace(SUBJECT, lora=None))
    assert [finding.right for finding in findings] == [True] * len(TRIALS)


def test_words_that_the_tokenizer_does_not_know() -> None:
    findings = check_model(replace(SUBJECT, texts=("You see nothing.", "quark", "look")))
    [wrong] = [finding for finding in findings if not finding.right]
    assert wrong.trial == "masks"
    assert "not what it said ('quark', 'look')" in wrong.said


def test_a_template_that_a_tokenizer_has_no_tokens_for() -> None:
    [finding] = check_model(replace(SUBJECT, chat=ChatSettings(chat_template="chatml")))
    assert (finding.trial, finding.right) == ("template", False)


def test_an_adapter_that_is_played_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if merging lost it: the base model alone plays."""
    load = model_check.load_policy_model
    monkeypatch.setattr(
        model_check, "load_policy_model", lambda base, folder, dtype: load(base, None, dtype)
    )
    findings = check_model(SUBJECT)
    assert [finding.trial for finding in findings if not finding.right] == ["adapter"]


def test_figures_that_are_none_are_wrong() -> None:
    nothing = torch.tensor([float("nan")])
    assert not model_check._compare("packs", nothing, nothing, 1.0).right


def test_a_family_of_a_file_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tratree import composition

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [tiny, _self_]\nname: mine\n")
    monkeypatch.setattr(composition._outside, "folder", tmp_path)
    command.main(["mine"])
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == [
        f"{role} {trial}" for role in ("weak", "strong") for trial in TRIALS
    ]
    assert all(": ok, " in line for line in said)
    with pytest.raises(UserError, match="2 trials of model=mine went wrong"):
        command.main(["mine", "--texts", "quark", "quark", "look"])
