"""The base of all fine-tunings: the step, the schedule, adapter-only checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Generic, cast

import torch
from lightning import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from tratree.data.steps import AnyBatch
from tratree.errors import UserError
from tratree.models.adapted import CausalModel
from tratree.models.ranks import whole
from tratree.modules.attention_check import check_batches, check_packs
from tratree.modules.finite import check_step
from tratree.modules.pack_attention import attend_to_packs
from tratree.modules.settings import TrainingSettings
from tratree.modules.sharding import ShardedStrategy, shard


class AdapterModule(LightningModule, Generic[AnyBatch]):
    """A model of which only the adapter is trained; subclasses say what is minimised.

    A step minimises the mean over all units of its batches, tokens or samples, so that it does
    not matter how many batches they are spread over, nor over how many devices: each takes its
    share of a step's batches.

    Attributes:
        model: The base model with its adapter.
        settings: Settings of the training.
        unit: Name of a unit, such as token.
    """

    unit = "unit"

    def __init__(self, model: CausalModel, settings: TrainingSettings) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.automatic_optimization = False
        self.strict_loading = False

    def units(self, batch: AnyBatch) -> int:
        """Return how many units a batch has that the loss is averaged over."""
        raise NotImplementedError

    def sums(self, batch: AnyBatch) -> dict[str, Tensor]:
        """Return ``loss`` and other figures of a batch, each summed over its units."""
        raise NotImplementedError

    def on_fit_start(self) -> None:
        """Choose how packs are attended to, now that the device is known, and check the model."""
        attend_to_packs(self.model)
        check_batches(self.model)
        if getattr(self.trainer.datamodule, "pack_tokens", None) is not None:  # type: ignore[attr-defined]
            check_packs(self.model)

    def training_step(self, step: Sequence[AnyBatch], _: int) -> dict[str, Tensor]:
        """Update the adapter once; returns the figures of the step, means over its units.

        Every device gets all batches of the step. All do the same number of passes, and wait for
        each other in each, so the passes have batches of about the same size; a device without a
        batch left repeats the smallest with weight 0.
        """
        devices, rank = self.trainer.world_size, self.trainer.global_rank
        units = sum(self.units(batch) for batch in step)
        random_key = torch.initial_seed()
        figures: dict[str, Tensor] = {}
        order = shared_order([batch.tokens for batch in step], devices)
        for place in range(rank, -(-len(step) // devices) * devices, devices):
            weight = float(place < len(step))
            number = order[place if weight else -1]
            torch.manual_seed(random_key + number)  # of dropout
            sums = self.sums(step[number])
            means = {name: weight * total / units for name, total in sums.items()}
            self.manual_backward(devices * means["loss"])  # gradients are averaged over devices
            for name, mean in means.items():
                figures[name] = figures.get(name, torch.zeros_like(mean)) + mean.detach()
        reduce = self.trainer.strategy.reduce
        figures = {name: reduce(mean, reduce_op="sum") for name, mean in figures.items()}
        schedule = cast(LRScheduler, self.lr_schedulers())
        figures["learning_rate"] = torch.tensor(schedule.get_last_lr()[0], dtype=torch.float64)
        optimizer = cast(LightningOptimizer, self.optimizers())
        weights = optimizer.param_groups[0]["params"]
        norm = whole(torch.nn.utils.clip_grad_norm_(weights, self.settings.clip or math.inf))
        figures["gradient_norm"] = norm
        number = self.trainer.global_step + 1
        check_step(weights, step, number, figures["loss"].item(), norm.item())
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        return figures

    def configure_model(self) -> None:
        """Spread the model over the devices if they share it."""
        if isinstance(self.trainer.strategy, ShardedStrategy):
            assert self.device_mesh is not None
            shard(self.model, self.device_mesh["data_parallel"])

    def configure_optimizers(self) -> Any:
        """Return AdamW on the adapter, its learning rate set at every step."""
        settings = self.settings
        optimizer = AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        # Lightning's own estimate would start the loader before a checkpoint has set its position.
        steps = len(self.trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
        return [optimizer], [learning_rate_schedule(optimizer, steps, settings)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained weights only; the base model is not the checkpoint's to hold."""
        trained = self._trained_names()
        checkpoint["state_dict"] = {
            name: weights for name, weights in checkpoint["state_dict"].items() if name in trained
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that the checkpoint belongs to an adapter like this one.

        Raises:
            UserError: If it is not.
        """
        if set(checkpoint["state_dict"]) != self._trained_names():
            raise UserError(
                "the checkpoint is of another model or adapter: remove it to train from the start"
            )

    def _trained_names(self) -> set[str]:
        return {name for name, p in self.named_parameters() if p.requires_grad}


def shared_order(tokens: Sequence[int], devices: int) -> list[int]:
    """Return the order in which devices take the batches of a step, one after the other.

    Args:
        tokens: Of each batch.
        devices: Number of them; one takes the batches as they come.
    """
    numbers = range(len(tokens))
    return list(numbers) if devices == 1 else sorted(numbers, key=lambda n: -tokens[n])


def learning_rate_schedule(
    optimizer: Optimizer, steps: int, settings: TrainingSettings
) -> LRScheduler:
    """Return the schedule of a training of `steps` steps; that of a name of transformers is its."""
    warmup = math.ceil(settings.warmup_share * steps)  # as transformers' Trainer counts
    # Imported here, because it brings PEFT: see `tratree.models.adapted`.
    from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

    if settings.schedule == "linear":
        return get_linear_schedule_with_warmup(optimizer, warmup, steps)
    if settings.schedule == "constant_with_warmup":
        return get_constant_schedule_with_warmup(optimizer, warmup)
    return LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, settings))


def learning_rate_factor(step: int, steps: int, settings: TrainingSettings) -> float:
    """Return what the learning rate is multiplied with at `step` of `steps`, in (0, 1]."""
    warmup = round(settings.warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
