"""Full fine-tuning: all weights are trained and stored, without an adapter."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from tratree.errors import UserError
from tratree.models.ranks import is_first_rank, whole

WHOLE = "model.safetensors"


def train_all(model: PreTrainedModel) -> PreTrainedModel:
    """Let all weights of a base model be trained.

    Raises:
        UserError: If they are quantised.
    """
    if getattr(model, "is_quantized", False):
        raise UserError(
            "a quantised model cannot be trained as a whole: set model.quantization=none, or "
            "model.lora for an adapter"
        )
    return model.requires_grad_(True)


def save_whole(model: PreTrainedModel, folder: Path) -> None:
    """Write all weights; equal ones give equal bytes.

    Of several processes that train together all must call it; the first one writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {n: whole(w.detach()).cpu().contiguous() for n, w in model.named_parameters()}
    if is_first_rank():
        save_file(weights, folder / WHOLE, metadata={"format": "pt"})


def load_whole(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Put what `save_whole` wrote into its base model.

    Raises:
        UserError: If the file is damaged or of another base model.
    """
    try:
        stored = load_file(folder / WHOLE)
        if stored.keys() != dict(model.named_parameters()).keys():
            raise ValueError("its layers are not the base model's")
        model.load_state_dict(stored, strict=False)
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the weights in {folder} are damaged or of another base model: train it again "
            f"({reason})"
        ) from error
    return model
