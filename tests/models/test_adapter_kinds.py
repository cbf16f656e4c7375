"""Kinds of adapters: what is trained is what is stored, played and merged, in every number type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from tratree.errors import UserError
from tratree.models.loading import load_base, load_stop_ids
from tratree.models.lora import add_lora, load_adapter, load_merged, load_policy_model, save_adapter
from tratree.models.settings import LoraSettings, ModelSettings

TOKENS = torch.arange(10)[None]


def make_base(folder: Path, *, tied: bool = False) -> str:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=30,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.2,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = [2, 7]
    model.save_pretrained(folder)
    return str(folder)


def trained(model: PeftModel, size: float) -> PeftModel:
    """Return the adapter after an update: B's weights have this root mean square."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.requires_grad and "lora_A" not in name:
                weights.add_(size * torch.randn(weights.shape, generator=generator))
    return model.eval()


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(TOKENS).logits.float()
    return found


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"dora": True},
        {"rslora": True},
        {"modules_to_save": ("lm_head",)},
        {"target_modules": ("q_proj",), "modules_to_save": ("embed_tokens", "lm_head")},
    ],
)
def test_every_kind_plays_and_merges_as_it_was_trained(tmp_path: Path, kind: Any) -> None:
    settings = ModelSettings(make_base(tmp_path / "base"))
    model = trained(add_lora(load_base(settings), LoraSettings(rank=4, **kind), 0), 0.1)
    save_adapter(model, tmp_path / "adapter")
    wanted = logits(model)
    assert not torch.allclose(logits(load_base(settings)), wanted, atol=1e-2)
    again = load_adapter(load_base(settings), tmp_path / "adapter", trainable=True)
    assert torch.equal(logits(again.eval()), wanted)
    for load in (load_policy_model, load_merged):
        played = load(settings, tmp_path / "adapter", torch.float32)
        assert torch.allclose(logits(played), wanted, atol=1e-4)


def test_rslora_scales_by_the_root_of_the_rank(tmp_path: Path) -> None:
    base = load_base(ModelSettings(make_base(tmp_path / "base")))
    model: Any = add_lora(base, LoraSettings(rank=4, alpha=8, rslora=True), 0)
    assert model.base_model.model.model.layers[0].self_attn.q_proj.scaling["default"] == 4.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1e-3, 1e-4])
def test_below_float32_what_is_played_is_what_was_trained(
    tmp_path: Path, dtype: torch.dtype, size: float
) -> None:
    name: Any = str(dtype).removeprefix("torch.")
    settings = ModelSettings(make_base(tmp_path / "base"), dtype=name)
    model = trained(add_lora(load_base(settings), LoraSettings(rank=4), 0), size)
    save_adapter(model, tmp_path / "adapter")
    played = load_policy_model(settings, tmp_path / "adapter", dtype)
    assert torch.equal(logits(played), logits(model))


@pytest.mark.parametrize(
    "kind",
    [
        {"target_modules": ("q_proj", "lm_head")},
        {"target_modules": ("embed_tokens",)},
        {"modules_to_save": ("lm_head",)},
    ],
)
def test_tied_layers_are_refused(tmp_path: Path, kind: Any) -> None:
    settings = ModelSettings(make_base(tmp_path / "base", tied=True))
    with pytest.raises(UserError, match="shares between its input and its output") as caught:
        add_lora(load_base(settings), LoraSettings(rank=4, **kind), 0)
    assert "\n" not in str(caught.value)
    untied = load_base(ModelSettings(make_base(tmp_path / "untied")))
    save_adapter(add_lora(untied, LoraSettings(rank=4, **kind), 0), tmp_path / "adapter")
    with pytest.raises(UserError, match=r"shares between its input|of another base model"):
        load_policy_model(settings, tmp_path / "adapter", torch.float32)
    add_lora(load_base(settings), LoraSettings(rank=4), 0)  # all-linear leaves them out


def test_an_unknown_module_to_save_is_named(tmp_path: Path) -> None:
    base = load_base(ModelSettings(make_base(tmp_path / "base")))
    with pytest.raises(UserError, match="modules_to_save names nothing"):
        add_lora(base, LoraSettings(modules_to_save=("nothing",)), 0)


def test_all_tokens_that_end_a_generation_are_known(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    assert load_stop_ids(base) == [2, 7]
    (tmp_path / "base" / "generation_config.json").unlink()
    assert load_stop_ids(base) == []
