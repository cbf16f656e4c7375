"""Export from a whole run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.report.card_snippets import run_snippet
from tests.run_commands import start
from tratree.cli.export import main
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.models.names import local_folder
from tratree.policy.chat import ChatFormat
from tratree.stages.methods import systems
from tratree.stages.training import load_policy, read_report

OVERRIDES = ("debug=smoke", "method=mcts")
TOKENS = torch.arange(20)[None]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("export") / "run"
    process = start(folder, *OVERRIDES)
    process.join()
    assert process.exitcode == 0
    return folder


@pytest.fixture(scope="module")
def trained(run_folder: Path) -> Path:
    """Return the folder of the fine-tuning that the method ends with."""
    store = run_folder.parent / f"store-{run_folder.name}"
    stage = systems(compose_config([f"store={store}", *OVERRIDES]))["mcts"]
    return store / stage.name / stage.key


@pytest.mark.slow
def test_an_adapter_is_loaded_by_plain_peft_to_equal_logits(trained: Path, tmp_path: Path) -> None:
    main([str(trained), "--out", str(tmp_path / "adapter")])
    settings = json.loads((trained / "stage.json").read_text("utf-8"))["settings"]
    base = AutoModelForCausalLM.from_pretrained(local_folder(settings["base"]["name"]))
    model = PeftModel.from_pretrained(base, str(tmp_path / "adapter")).eval()
    expected = load_policy(trained, "float32")[0](TOKENS).logits
    assert torch.allclose(model(TOKENS).logits, expected, atol=1e-4)
    with model.disable_adapter():
        changed = not torch.allclose(model(TOKENS).logits, expected, atol=1e-3)
    assert changed == (read_report(trained).steps > 0)


@pytest.mark.slow
def test_a_merged_model_is_loaded_by_plain_transformers(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    main([str(trained), "--merged", "--out", str(out)])
    assert (out / "model.safetensors").stat().st_mode & 0o666 == out.stat().st_mode & 0o666
    model = AutoModelForCausalLM.from_pretrained(out)
    expected, chat = load_policy(trained, "float32")
    assert torch.equal(model(TOKENS).logits, expected(TOKENS).logits)
    own = ChatFormat(AutoTokenizer.from_pretrained(out))
    assert own.first_turn("a mug 1") == chat.first_turn("a mug 1")
    assert not list(out.glob("*.bin"))


@pytest.mark.slow
@pytest.mark.parametrize("merged", [False, True])
def test_the_cards_snippet_loads_the_model(trained: Path, tmp_path: Path, merged: bool) -> None:
    main([str(trained), *["--merged"] * merged, "--out", str(tmp_path / "out")])
    loaded = run_snippet((tmp_path / "out" / "README.md").read_text("utf-8"), tmp_path / "out")
    expected, chat = load_policy(trained, "float32")
    assert torch.allclose(loaded["model"](TOKENS).logits, expected(TOKENS).logits, atol=1e-4)
    assert ChatFormat(loaded["tokenizer"]).first_turn("a mug 1") == chat.first_turn("a mug 1")


@pytest.mark.slow
def test_the_card_tells_data_constants_seed_and_results(
    run_folder: Path, trained: Path, tmp_path: Path
) -> None:
    main([str(trained), "--out", str(tmp_path / "stage")])
    card = (tmp_path / "stage" / "README.md").read_text("utf-8")
    assert "Seed 0." in card
    assert re.search(r"\| explore \| trajectories 24 \|", card)
    assert re.search(r"\| demonstrations \| demonstrations \d \|", card)
    assert re.search(r"\| imitate \| samples \d.*lora\.alpha 128.*lora\.rank 64", card)
    assert "Not measured" in card
    assert str(tmp_path) not in card
    main([str(run_folder), "--system", "sft_weak", "--out", str(tmp_path / "run")])
    card = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert "for `package:models/tiny/weak`" in card
    assert "base_model" not in card
    assert "| system | split | episodes |" in card
    with pytest.raises(UserError, match="no system eto: use one of sft_weak, sft_strong, mcts"):
        main([str(run_folder), "--system", "eto", "--out", str(tmp_path / "none")])
    with pytest.raises(UserError, match="in use"):
        main([str(run_folder), "--out", str(tmp_path / "run")])


def test_what_is_no_run_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a run folder nor") as caught:
        main([str(tmp_path)])
    assert "\n" not in str(caught.value)
