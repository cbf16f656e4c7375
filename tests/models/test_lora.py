"""Adapters and base models: round trips, and errors that say what to do."""

from __future__ import annotations

import json
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from tratree.errors import UserError
from tratree.models import loading
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora, load_adapter, load_policy_model, save_adapter
from tratree.models.names import fingerprint
from tratree.models.settings import LoraSettings, ModelSettings

TOKENS = torch.arange(10)[None]


def save_base(folder: Path, width: int) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=30,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base"), width=16)


@pytest.fixture
def adapted(base_folder: Path) -> PeftModel:
    """Return an adapter that changes the model, as after training."""
    model = add_lora(load_base(ModelSettings(str(base_folder))), LoraSettings(rank=4), seed=0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(generator=torch.Generator().manual_seed(0))
    return model.eval()


def test_a_new_adapter_changes_nothing_and_depends_on_its_seed_only(base_folder: Path) -> None:
    settings = ModelSettings(str(base_folder))
    plain = load_base(settings)(TOKENS).logits
    models = [add_lora(load_base(settings), LoraSettings(rank=4), seed) for seed in (0, 0, 1)]
    assert torch.equal(models[0](TOKENS).logits, plain)
    states = [{n: p for n, p in m.named_parameters() if "lora_A" in n} for m in models]
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])
    assert not all(torch.equal(states[0][n], states[2][n]) for n in states[0])


def test_round_trip_gives_equal_logits(
    adapted: PeftModel, base_folder: Path, tmp_path: Path
) -> None:
    save_adapter(adapted, tmp_path)
    settings = ModelSettings(str(base_folder))
    again = load_adapter(load_base(settings), tmp_path, trainable=True)
    assert torch.equal(again.eval()(TOKENS).logits, adapted(TOKENS).logits)
    assert all(p.requires_grad == ("lora_" in n) for n, p in again.named_parameters())
    plain_peft = PeftModel.from_pretrained(load_base(settings), str(tmp_path))
    assert torch.equal(plain_peft(TOKENS).logits, adapted(TOKENS).logits)


def test_merged_policy_equals_the_adapted_model(
    adapted: PeftModel, base_folder: Path, tmp_path: Path
) -> None:
    save_adapter(adapted, tmp_path)
    policy = load_policy_model(ModelSettings(str(base_folder)), tmp_path, torch.float64)
    assert policy.dtype == torch.float64
    assert torch.allclose(policy(TOKENS).logits.float(), adapted(TOKENS).logits, atol=1e-5)


def test_a_policy_is_loaded_where_it_is_to_play(
    base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(str(base_folder))
    save_adapter(add_lora(load_base(settings), LoraSettings(rank=2), 0), tmp_path)
    expected = load_policy_model(settings, tmp_path, torch.float32)
    # GPUs that this machine has not: whatever touched one would fail.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    for device in (None, torch.device("cpu")):
        policy = load_policy_model(settings, tmp_path, torch.float32, device)
        assert torch.equal(policy(TOKENS).logits, expected(TOKENS).logits)
        assert not hasattr(policy, "_hf_hook")
    add_lora(load_base(settings), LoraSettings(rank=2), 0)
    elsewhere = load_policy_model(settings, None, torch.float32, torch.device("meta"))
    assert {p.device.type for p in elsewhere.parameters()} == {"meta"}


def test_saving_twice_gives_equal_bytes_and_names_no_path(
    adapted: PeftModel, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        save_adapter(adapted, tmp_path / name)
    files = [sorted(p.name for p in (tmp_path / n).iterdir()) for n in ("one", "two")]
    assert files[0] == files[1] == ["adapter_config.json", "adapter_model.safetensors"]
    for name in files[0]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_adapters_files_name_no_folder_of_this_machine(
    adapted: PeftModel, base_folder: Path, tmp_path: Path
) -> None:
    save_adapter(adapted, tmp_path / "new")
    base = load_base(ModelSettings(str(base_folder)))
    save_adapter(load_adapter(base, tmp_path / "new", trainable=True), tmp_path / "again")
    for folder in ("new", "again"):
        text = (tmp_path / folder / "adapter_config.json").read_text("utf-8")
        assert str(base_folder.parent) not in text
        config = json.loads(text)
        assert config["base_model_name_or_path"] == base_folder.name
        assert config["target_modules"] == sorted(config["target_modules"])


def test_a_policy_without_adapter_is_the_base_model(base_folder: Path) -> None:
    settings = ModelSettings(str(base_folder))
    policy = load_policy_model(settings, None, torch.float64)
    assert policy.dtype == torch.float64
    assert torch.allclose(policy(TOKENS).logits.float(), load_base(settings)(TOKENS).logits)


def test_an_adapter_of_another_model_is_refused(base_folder: Path, tmp_path: Path) -> None:
    for changes in ({"intermediate_size": 8}, {"num_hidden_layers": 2}):
        other = LlamaForCausalLM(LlamaConfig.from_pretrained(base_folder, **changes))
        save_adapter(add_lora(other, LoraSettings(rank=4), 0), tmp_path)
        with pytest.raises(UserError, match="of another base model"):
            load_adapter(load_base(ModelSettings(str(base_folder))), tmp_path, trainable=False)


@pytest.mark.parametrize(
    ("key", "value"),
    [("rank", 0), ("alpha", 0), ("dropout", 1.0), ("target_modules", "no_such_layer")],
)
def test_adapter_settings_out_of_range_say_what_to_do(
    base_folder: Path, key: str, value: Any
) -> None:
    with pytest.raises(UserError, match=key):
        add_lora(load_base(ModelSettings(str(base_folder))), LoraSettings(**{key: value}), 0)


def test_without_a_network_a_hub_model_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"waits {seconds} s to retry"))
    for load in (lambda name: load_base(ModelSettings(name)), load_tokenizer):
        with pytest.raises(UserError, match="hf download someone/no-such-model") as caught:
            load("someone/no-such-model")
        assert "\n" not in str(caught.value)


def test_weights_that_lack_a_layer_are_refused(base_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(base_folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack model\.layers\.0\.mlp\.up_proj\.weight"):
        load_base(ModelSettings(str(tmp_path)))


def test_pickled_weights_and_code_are_never_read(base_folder: Path, tmp_path: Path) -> None:
    pickled, coded = tmp_path / "pickled", tmp_path / "coded"
    for folder in (pickled, coded):
        shutil.copytree(base_folder, folder)
    (pickled / "model.safetensors").unlink()
    torch.save(load_file(base_folder / "model.safetensors"), pickled / "pytorch_model.bin")
    config = json.loads((coded / "config.json").read_text("utf-8"))
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"},
    }
    (coded / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (coded / "own.py").write_text("raise SystemExit('the code of a model ran')", encoding="utf-8")
    for folder in (pickled, coded):
        with pytest.raises(UserError, match="safetensors"):
            load_base(ModelSettings(str(folder)))


def test_fingerprint_follows_the_weights(base_folder: Path, tmp_path: Path) -> None:
    first = fingerprint(str(base_folder))
    assert first == fingerprint(str(base_folder))
    changed = load_base(ModelSettings(str(base_folder)))
    with torch.no_grad():
        changed.lm_head.weight[0, 0] += 1
    changed.save_pretrained(tmp_path)
    assert fingerprint(str(tmp_path)) != first
    assert fingerprint("meta-llama/Llama-2-7b-chat-hf") == "meta-llama/Llama-2-7b-chat-hf"


def test_missing_models_and_adapters_are_one_line(base_folder: Path, tmp_path: Path) -> None:
    for load in (
        lambda: load_base(ModelSettings("/no/such/folder")),
        lambda: fingerprint("package:models/nothing"),
        lambda: load_tokenizer(str(base_folder)),
        lambda: load_adapter(load_base(ModelSettings(str(base_folder))), tmp_path, trainable=True),
    ):
        with pytest.raises(UserError) as caught:
            load()
        assert "\n" not in str(caught.value)


def test_damaged_weights_are_one_line(base_folder: Path, tmp_path: Path) -> None:
    for path in base_folder.iterdir():
        content = path.read_bytes()
        half = len(content) // 2 if path.suffix == ".safetensors" else len(content)
        (tmp_path / path.name).write_bytes(content[:half])
    with pytest.raises(UserError, match="cannot be loaded"):
        load_base(ModelSettings(str(tmp_path)))


def test_gradient_checkpointing_changes_no_bit(base_folder: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        settings = ModelSettings(str(base_folder), gradient_checkpointing=checkpointing)
        base = load_base(settings)
        assert base.model.gradient_checkpointing == checkpointing
        model = add_lora(base, LoraSettings(rank=4), seed=0).train()
        model(TOKENS).logits.square().sum().backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert gradients[0]
    assert all(torch.equal(gradients[0][n], gradients[1][n]) for n in gradients[0])


@pytest.mark.parametrize("targets", ["q_proj", ["q_proj", "v_proj"]])
def test_an_adapter_lies_on_the_named_layers(base_folder: Path, targets: Any) -> None:
    model = add_lora(
        load_base(ModelSettings(str(base_folder))), LoraSettings(rank=4, target_modules=targets), 0
    )
    adapted = {n.split(".lora_")[0] for n, p in model.named_parameters() if p.requires_grad}
    expected = {targets} if isinstance(targets, str) else set(targets)
    assert {name.split(".")[-1] for name in adapted} == expected


@pytest.mark.parametrize(
    "change", [{"dtype": "int8"}, {"attention": "magic"}, {"quantization": "2bit"}]
)
def test_unknown_ways_to_hold_a_model_are_named(change: dict[str, str]) -> None:
    with pytest.raises(UserError, match="it must be one of"):
        ModelSettings("some/model", **change)


def test_what_is_not_installed_is_said_in_one_line(
    base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    changes: list[tuple[dict[str, Any], str]] = [({"quantization": "4bit"}, "needs bitsandbytes")]
    if find_spec("flash_attn") is None:
        changes.append(({"attention": "flash_attention_2"}, "cannot be loaded"))
    for change, message in changes:
        with pytest.raises(UserError, match=message) as caught:
            load_base(ModelSettings(str(base_folder), **change))
        assert "\n" not in str(caught.value)


def test_a_quantised_model_cannot_compute_in_float64() -> None:
    with pytest.raises(UserError, match="rollout_dtype"):
        ModelSettings("some/model", dtype="float64", quantization="8bit")


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs bitsandbytes")
@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_an_adapter_learns_on_a_quantised_base(tmp_path: Path, quantization: str) -> None:
    base = save_base(tmp_path / "base", width=64)  # a block of four-bit weights
    settings = ModelSettings(str(base), quantization=quantization)
    model = add_lora(load_base(settings), LoraSettings(rank=4), seed=0).train()
    model(TOKENS, labels=TOKENS).loss.backward()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    optimizer.step()
    save_adapter(model.eval(), tmp_path / "adapter")
    policy = load_policy_model(settings, tmp_path / "adapter", torch.float32)
    with torch.no_grad():  # on a CPU, four bits have another kernel where no gradient is asked for
        assert torch.equal(policy(TOKENS).logits, model(TOKENS).logits)
