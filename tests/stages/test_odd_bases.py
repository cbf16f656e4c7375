"""Bases of every odd kind: trained, played and exported alike, or refused before anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from benchmarks.model_families import quiet, tiny_config, tiny_model
from tests.modules.small_models import SETTINGS, episodes
from tratree.composition import compose_config
from tratree.data.episodes import EpisodeDataModule
from tratree.errors import UserError
from tratree.models.full import save_whole, train_all
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora, load_merged, load_policy_model, save_adapter
from tratree.models.names import local_folder
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.attention_check import check_rollouts
from tratree.modules.fit import fit
from tratree.modules.imitation import SFTModule
from tratree.stages.bases import check_bases

TOKENS = torch.arange(4, 16)[None]
TINY = "package:models/tiny/weak"


def make_base(folder: Path, family: str, *, attention: str = "sdpa", **changes: Any) -> Path:
    """Write a base of random weights with the tokenizer of the tiny family."""
    from transformers import CONFIG_MAPPING

    tokenizer = load_tokenizer(TINY)
    with quiet():
        config = tiny_config(CONFIG_MAPPING[family](), family)
        for name, value in {"vocab_size": len(tokenizer), **changes}.items():
            setattr(config, name, value)
        model = tiny_model(config, attention)
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("family", "attention", "changes"),
    [
        ("llama", "sdpa", {"tie_word_embeddings": True}),
        ("gpt2", "sdpa", {}),
        ("gemma", "sdpa", {}),
        ("gemma2", "eager", {}),
        ("stablelm", "sdpa", {}),
        ("mixtral", "sdpa", {}),
    ],
)
def test_what_is_trained_is_what_is_played_and_exported(
    tmp_path: Path, family: str, attention: str, changes: dict[str, Any]
) -> None:
    base = make_base(tmp_path / "base", family, attention=attention, **changes)
    settings = ModelSettings(str(base), attention=attention)  # type: ignore[arg-type]
    model = add_lora(load_base(settings), LoraSettings(rank=4, alpha=8), seed=0)
    data = EpisodeDataModule(episodes(4), 64)
    assert fit(SFTModule(model, SETTINGS), data, folder=tmp_path / "fit", seed=0).steps > 0
    save_adapter(model, tmp_path / "adapter")
    played = load_policy_model(settings, tmp_path / "adapter", torch.float32)
    check_rollouts(played)
    load_merged(settings, tmp_path / "adapter", torch.float32).save_pretrained(tmp_path / "out")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "out", attn_implementation=attention)
    with torch.no_grad():
        wanted = model.eval()(TOKENS).logits
        assert not torch.allclose(load_base(settings)(TOKENS).logits, wanted, atol=1e-3)
        for other in (played, exported):
            assert torch.allclose(other(TOKENS).logits, wanted, atol=1e-3)


def test_a_whole_fine_tuning_is_stored_played_and_exported(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", "llama", tie_word_embeddings=True)
    settings = ModelSettings(str(base))
    model = train_all(load_base(settings))
    fit(SFTModule(model, SETTINGS), EpisodeDataModule(episodes(4), 64), folder=tmp_path, seed=0)
    for name in ("one", "two"):
        save_whole(model, tmp_path / name)
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    with torch.no_grad():
        wanted = model.eval()(TOKENS).logits
        assert not torch.allclose(load_base(settings)(TOKENS).logits, wanted, atol=1e-3)
        for load in (load_policy_model, load_merged):
            assert torch.equal(
                load(settings, tmp_path / "one", torch.float32)(TOKENS).logits, wanted
            )
    other = make_base(tmp_path / "other", "llama", num_hidden_layers=1)
    with pytest.raises(UserError, match="of another base model"):
        load_policy_model(ModelSettings(str(other)), tmp_path / "one", torch.float32)


def test_shards_are_read_and_pickles_are_not(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", "llama")
    model: PreTrainedModel = load_base(ModelSettings(str(base)))
    model.save_pretrained(tmp_path / "shards", max_shard_size="30KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    sharded = load_base(ModelSettings(str(tmp_path / "shards")))
    assert torch.equal(sharded(TOKENS).logits, model(TOKENS).logits)
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    with pytest.raises(UserError, match="safetensors") as caught:
        load_base(ModelSettings(str(base)))
    assert "hf download" not in str(caught.value)  # a folder is not downloaded


@pytest.mark.parametrize("role", ["weak", "strong"])
@pytest.mark.parametrize(
    ("family", "overrides", "reason"),
    [
        ("lfm2", [], "carry a state"),
        ("bart", [], "encoder-decoder"),
        ("gemma2", [], "set model.attention=eager"),
        ("llama", ["model.context=65"], "set model.context to at most 64"),
        ("llama", ["vocab_size=90"], "has 295 tokens, and the model embeds 90"),
        ("llama4_text", ["attention_chunk_size=32"], r"attends over 32 tokens \(attention_chunk"),
        ("llama", ["model.chat_template=nope"], "no chat template 'nope'"),
        ("llama", ["config=[]"], "cannot be loaded"),
        ("gone", [], "holds no config.json"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_computed(
    tmp_path: Path, role: str, family: str, overrides: list[str], reason: str
) -> None:
    folder = tmp_path / "base"
    changes = dict(o.split("=") for o in overrides if not o.startswith(("model.", "config")))
    kind = "llama" if family == "gone" else family
    attention = "eager" if kind == "gemma2" else "sdpa"
    numbers = {name: int(value) for name, value in changes.items()}
    make_base(folder, kind, attention=attention, **{"max_position_embeddings": 64, **numbers})
    if family == "gone":
        shutil.rmtree(folder)
    if "config=[]" in overrides:
        (folder / "config.json").write_text("[]", encoding="utf-8")
    if family == "bart":  # as it is published; a decoder alone says that it is one
        text = (folder / "config.json").read_text("utf-8")
        whole = json.loads(text) | {"is_encoder_decoder": True}
        (folder / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    own = ["model.max_new_tokens=20", "model.context=64"]
    own += [o for o in overrides if o.startswith("model.")]
    config = compose_config([f"model.{role}.name={folder}", *own])
    with pytest.raises(UserError, match=reason) as caught:
        check_bases(config)
    assert str(caught.value).startswith("model.weak (" if "nope" in reason else f"model.{role} (")
    assert "\n" not in str(caught.value)


def test_the_default_bases_fit() -> None:
    check_bases(compose_config([]))


def test_a_models_own_configuration_chooses_no_attention(tmp_path: Path) -> None:
    folder = local_folder(TINY)
    assert folder is not None
    for own in ("eager", "kernels-community/flash-attn"):
        copy = tmp_path / own.replace("/", "-")
        shutil.copytree(folder, copy)
        document = json.loads((copy / "config.json").read_text("utf-8"))
        document |= {"_attn_implementation": own, "_experts_implementation": own}
        document |= {"attn_implementation": own}
        (copy / "config.json").write_text(json.dumps(document), encoding="utf-8")
        assert load_base(ModelSettings(str(copy))).config._attn_implementation == "sdpa"
