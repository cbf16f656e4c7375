"""The model that an export takes; it is written whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from tests.runs.stored_run import TINY, trained_stage, write_run
from tratree.errors import UserError
from tratree.models.names import local_folder
from tratree.policy.chat import ChatFormat
from tratree.runs.export import export
from tratree.stages.training import load_policy

WEIGHTS = "adapter_model.safetensors"


@pytest.mark.parametrize("method", ["sft_weak", "sft_strong"])
@pytest.mark.parametrize("finished", [True, False])
def test_the_default_is_the_methods_own_system(tmp_path: Path, method: str, finished: bool) -> None:
    run = write_run(tmp_path, method)
    if not finished:
        (run / "results.json").unlink()
        (run / ".hydra").mkdir()
        (run / ".hydra" / "config.yaml").write_text(f"method: {{name: {method}}}", encoding="utf-8")
    export(run, tmp_path / "out")
    other = "sft_strong" if method == "sft_weak" else "sft_weak"
    for system, out in ((method, "out"), (other, "chosen")):
        if out == "chosen":
            export(run, tmp_path / out, system=system)
        stored = trained_stage(run, system) / "adapter" / WEIGHTS
        assert (tmp_path / out / WEIGHTS).read_bytes() == stored.read_bytes()
        card = (tmp_path / out / "README.md").read_text("utf-8")
        assert (f"# alfworld, {system}, seed 0" in card) == finished
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chosen", "out", "run", "store"]


def test_a_merged_model_ends_where_its_chat_template_ends_a_turn(tmp_path: Path) -> None:
    run = write_run(tmp_path, "sft_weak")
    export(run, tmp_path / "out", merged=True)
    chat = ChatFormat(AutoTokenizer.from_pretrained(tmp_path / "out"))
    told = GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id
    assert chat.stop_id in (told if isinstance(told, list) else [told])
    tokens = torch.arange(9)[None]
    expected = load_policy(trained_stage(run, "sft_weak"), "float32")[0](tokens).logits
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(exported(tokens).logits, expected)


def test_a_base_that_has_changed_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    packaged = local_folder(TINY)
    assert packaged is not None
    base = tmp_path / "base"
    shutil.copytree(packaged, base)
    run = write_run(tmp_path / "made", "sft_weak", base=str(base))
    (base / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    trained = trained_stage(run, "sft_weak")
    with pytest.raises(UserError, match=r"files of base model .* have changed"):
        export(run, tmp_path / "out", merged=True)
    with pytest.raises(UserError, match="have changed"):
        load_policy(trained, "float32")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "made"]


@pytest.mark.parametrize("kind", ["link", "pipe", "missing"])
def test_no_link_is_followed_and_a_failed_export_leaves_nothing(tmp_path: Path, kind: str) -> None:
    run = write_run(tmp_path, "sft_weak")
    path = trained_stage(run, "sft_weak") / "adapter" / WEIGHTS
    secret = tmp_path / "secret"
    path.rename(secret)
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(UserError, match="is damaged") as caught:
        export(run, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "secret", "store"]
    path.unlink(missing_ok=True)
    secret.rename(path)
    (path.parent / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        export(run, tmp_path / "out")
    (path.parent / "evil.py").unlink()
    export(run, tmp_path / "out")
