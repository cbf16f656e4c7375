"""LoRA adapters: the only weights that fine-tuning changes and checkpoints hold."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from transformers import PreTrainedModel

from tratree.errors import UserError
from tratree.models.loading import ModelSettings, load_base


@dataclass(frozen=True)
class LoraSettings:
    """Size and place of an adapter.

    Attributes:
        rank: r of LoRA; 64 in the paper.
        alpha: α of LoRA, the update is scaled by α / r; 128 in the paper.
        dropout: Dropout before the adapter, in [0, 1).
        target_modules: Names of the layers, comma separated, or ``all-linear``.
    """

    rank: int = 64
    alpha: int = 128
    dropout: float = 0.0
    target_modules: str = "all-linear"


def add_lora(model: PreTrainedModel, settings: LoraSettings, seed: int) -> PeftModel:
    """Put a new adapter on a base model; its start depends on `seed` alone."""
    targets = settings.target_modules
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets if targets == "all-linear" else targets.split(","),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter as safetensors; the base model is named, never copied."""
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(model: PreTrainedModel, folder: Path, *, trainable: bool) -> PeftModel:
    """Put the adapter in `folder` on its base model.

    Raises:
        UserError: If there is no intact adapter in `folder`.
    """
    try:
        return PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"no intact adapter in {folder}: remove it and train again") from error


def load_policy_model(
    settings: ModelSettings, adapter: Path, dtype: torch.dtype
) -> PreTrainedModel:
    """Load a base model with its adapter merged in, ready to play in `dtype`."""
    with_adapter = load_adapter(load_base(settings), adapter, trainable=False)
    with warnings.catch_warnings():
        # peft asks transformers for a property that transformers is about to rename.
        warnings.simplefilter("ignore", FutureWarning)
        merged = with_adapter.merge_and_unload()
    merged.to(dtype)
    return merged.eval()
