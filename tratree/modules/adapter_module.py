"""What all fine-tunings of an adapter share: optimizer, schedule, adapter-only checkpoints."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import LightningModule
from peft import PeftModel
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from tratree.modules.settings import TrainingSettings


class AdapterModule(LightningModule):
    """A model of which only the adapter is trained; subclasses say what is minimised.

    Attributes:
        model: The base model with its adapter.
        settings: How it is trained.
    """

    def __init__(self, model: PeftModel, settings: TrainingSettings) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.strict_loading = False

    def configure_optimizers(self) -> Any:
        """Return AdamW on the adapter, its learning rate set anew at every step."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        settings = self.settings
        optimizer = AdamW(
            trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, settings))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained weights only; the base model is not the checkpoint's to hold."""
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        checkpoint["state_dict"] = {
            name: weights for name, weights in checkpoint["state_dict"].items() if name in trained
        }


def learning_rate_factor(step: int, steps: int, settings: TrainingSettings) -> float:
    """Return what the learning rate is multiplied with at `step` of `steps`, in [0, 1]."""
    warmup = round(settings.warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def scalar(value: torch.Tensor) -> float:
    """Return a logged figure as a number."""
    return float(value.detach())
