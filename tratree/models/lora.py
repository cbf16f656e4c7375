"""LoRA adapters: the only weights that fine-tuning changes and checkpoints hold."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import AuxiliaryTrainingWrapper
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import PreTrainedModel
from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.models.architecture import playing_attention
from tratree.models.full import WHOLE, load_whole
from tratree.models.loading import load_base, load_config, no_future_warnings
from tratree.models.ranks import is_first_rank, whole
from tratree.models.settings import LoraSettings, ModelSettings

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class _AdapterConfig(TypedDict):
    """The keys of ``adapter_config.json`` that are looked at before PEFT reads it."""

    peft_type: str


def add_lora(model: PreTrainedModel, settings: LoraSettings, seed: int) -> PeftModel:
    """Put a new adapter on a base model; its start depends on `seed` alone.

    The adapter changes nothing before it is trained.

    Raises:
        UserError: If the model has no layer of a name in `settings.target_modules`, or one of
            them shares its weights with another.
    """
    named = settings.target_modules
    if isinstance(named, str):  # PEFT takes other texts for patterns
        targets: str | list[str] = named if named == "all-linear" else [named]
    else:
        targets = list(named)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        use_dora=settings.dora,
        use_rslora=settings.rslora,
        modules_to_save=list(settings.modules_to_save) or None,
        task_type="CAUSAL_LM",
    )
    missing = [n for n in settings.modules_to_save if not _has_layer(model, n)]
    if missing:
        raise UserError(f"lora.modules_to_save names {missing[0]}: the model has no such layer")
    tied = _tied_weights(model)
    # On the CPU alone, where an adapter begins: a run's first process uses no GPU.
    with torch.random.fork_rng(devices=[]), no_future_warnings():
        torch.default_generator.manual_seed(seed)
        warnings.filterwarnings("ignore", "Model has `tie_word_embeddings")  # refused below
        try:
            adapted = get_peft_model(model, config)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise UserError(
                f"lora.target_modules is {settings.target_modules}, but the model has no such "
                "layers that can be adapted: list names of its layers, or use all-linear"
            ) from error
    assert isinstance(adapted, PeftModel)
    _refuse_tied(adapted, tied)
    return adapted


def _has_layer(model: PreTrainedModel, name: str) -> bool:
    return any(found.split(".")[-1] == name or found == name for found, _ in model.named_modules())


def _tied_weights(model: PreTrainedModel) -> set[int]:
    """Return the identities of the weights that several layers share."""
    owners = Counter(
        id(weights)
        for module in set(model.modules())
        for weights in module._parameters.values()
        if weights is not None
    )
    return {weights for weights, count in owners.items() if count > 1}


def _refuse_tied(model: PeftModel, tied: set[int]) -> None:
    """Refuse an adapter on weights that another layer uses too: merging would change both."""
    for name, module in model.named_modules():
        adapted = isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
        if adapted and any(id(weights) in tied for weights in module.parameters()):
            raise UserError(
                f"the adapter is to be on {name.split('.')[-1]}, whose weights the model shares "
                "between its input and its output: leave it out of lora.target_modules and "
                "lora.modules_to_save"
            )


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter in peft's format; equal adapters give equal bytes.

    The base model is named as it was loaded, without a folder of this machine, and never copied.
    Of several processes that train together all must call it; the first one writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    weights = {name: whole(w.detach()).cpu().contiguous() for name, w in state.items()}
    if not is_first_rank():
        return
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config: Any = copy.copy(model.peft_config[model.active_adapter])
    config.target_modules = sorted(config.target_modules)
    config.inference_mode = True
    config.save_pretrained(str(folder))


def load_adapter(model: PreTrainedModel, folder: Path, *, trainable: bool) -> PeftModel:
    """Put the adapter in `folder` on its base model.

    Raises:
        UserError: If there is no intact adapter in `folder`, or it belongs to another base model.
    """
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise UserError(f"no adapter in {folder}: {name} is missing; train it first")
    kind = read_json(folder / CONFIG, _AdapterConfig, "train it again")["peft_type"]
    if kind != "LORA":  # others run what their settings say
        raise UserError(f"the adapter in {folder} is no LoRA adapter: choose one of that kind")
    try:
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            stored = set(file.keys())
        tied = _tied_weights(model)
        with no_future_warnings():
            # PEFT would read it to a GPU that the machine has, wherever the model is.
            adapted = PeftModel.from_pretrained(
                model, str(folder), is_trainable=trainable, torch_device=str(model.device)
            )
        if stored != set(get_peft_model_state_dict(adapted, save_embedding_layers=False)):
            raise ValueError("its layers are not the base model's")
    except Exception as error:  # a damaged file can hold anything, and PEFT raises just that
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"the adapter in {folder} is damaged or of another base model: train it again "
            f"({reason})"
        ) from error
    _refuse_tied(adapted, tied)
    return adapted


def load_playing_base(
    settings: ModelSettings, dtype: torch.dtype, device: torch.device | None = None
) -> PreTrainedModel:
    """Load a base model as `load_policy_model` does."""
    attention: Any = playing_attention(
        load_config(settings.name, settings.revision), settings.attention
    )
    name: Any = str(dtype).removeprefix("torch.")
    playing = replace(settings, dtype=name, attention=attention, gradient_checkpointing=False)
    return load_base(playing, device)


def load_policy_model(
    settings: ModelSettings,
    adapter: Path | None,
    dtype: torch.dtype,
    device: torch.device | None = None,
) -> PreTrainedModel:
    """Load a base model with an adapter, in evaluation mode, ready to play in `dtype`.

    In float32 and float64 the adapter is merged. Below, weights have too few digits for a small
    update, and so have quantised ones: there it stays beside them, as in its training.

    Args:
        settings: The base model; its own number type is not used, and neither is its attention:
            see `playing_attention`.
        adapter: Folder of the adapter; None plays the base model as it is.
        dtype: Number type in which weights are held and used.
        device: As of `load_base`.

    Raises:
        UserError: If model or adapter cannot be loaded.
    """
    base = load_playing_base(settings, dtype, device)
    if adapter is None:
        return base
    if (adapter / WHOLE).is_file():
        return load_whole(base, adapter)
    adapted: Any = load_adapter(base, adapter, trainable=False)
    if dtype not in (torch.float32, torch.float64) or getattr(base, "is_quantized", False):
        policy: PreTrainedModel = adapted.get_base_model().eval()
        return policy
    return merge(adapted)


def load_merged(settings: ModelSettings, adapter: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load a base model with an adapter merged in, in `dtype`; sums are rounded once.

    Raises:
        UserError: If model or adapter cannot be loaded.
    """
    name: Any = str(dtype).removeprefix("torch.")
    base = load_base(replace(settings, dtype=name, gradient_checkpointing=False))
    if (adapter / WHOLE).is_file():
        return load_whole(base, adapter)
    return merge(load_adapter(base, adapter, trainable=False))


def merge(adapted: Any) -> PreTrainedModel:
    """Return the base model with its adapter merged in, in evaluation mode."""
    with no_future_warnings():
        merged: PreTrainedModel = adapted.merge_and_unload().eval()
    return merged
