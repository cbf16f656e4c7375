"""Model cards: what they say of the base model is true wherever it is from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests.report.card_snippets import run_snippet
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora, save_adapter
from tratree.models.names import local_folder
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.report.model_card import ModelCard, render_card

TINY = "package:models/tiny/weak"


def card_of(base: str, *, on_hub: bool, merged: bool = False) -> str:
    return render_card(ModelCard("a title", base, on_hub, merged, (), "", {}))


@pytest.mark.parametrize("merged", [False, True])
def test_only_a_hub_id_is_metadata_of_the_hub(merged: bool) -> None:
    card = card_of("owner/name", on_hub=True, merged=merged)
    assert card.startswith("---\nbase_model: owner/name\n")
    assert ("AutoPeftModelForCausalLM" in card) != merged
    for name in (TINY, "name"):
        card = card_of(name, on_hub=False, merged=merged)
        assert "base_model" not in card
        assert f"for `{name}`" in card


@pytest.mark.parametrize("name", [TINY, "found"])
def test_the_snippet_loads_an_adapter_of_what_is_not_on_the_hub(tmp_path: Path, name: str) -> None:
    folder = local_folder(TINY)
    assert folder
    shutil.copytree(folder, tmp_path / "found")
    model = add_lora(load_base(ModelSettings(TINY)), LoraSettings(rank=4), seed=0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.1)
    save_adapter(model, tmp_path / "adapter")
    load_tokenizer(TINY).save_pretrained(tmp_path / "adapter")
    card = card_of(name, on_hub=False)
    loaded = run_snippet(card, tmp_path / "adapter", found=tmp_path / "found")
    tokens = torch.arange(20)[None]
    assert torch.allclose(loaded["model"](tokens).logits, model(tokens).logits, atol=1e-5)
