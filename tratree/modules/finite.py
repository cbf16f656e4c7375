"""Figures that are not finite end a fine-tuning, with a message about the cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from tratree.errors import UserError
from tratree.models.ranks import whole


def check_step(
    weights: Iterable[Tensor], step: Sequence[Any], number: int, loss: float, norm: float
) -> None:
    """Check loss and norm of the gradient of step `number` (from 1) before it changes anything.

    Raises:
        UserError: If one is not finite; it names the reference, the weights, or the number type.
    """
    figures = torch.tensor([loss, norm])
    if figures.isfinite().all():
        return
    what = f"the {'gradient' if figures[0].isfinite() else 'loss'} is not finite at step {number}"
    references = [batch.reference for batch in step if hasattr(batch, "reference")]
    if not _finite(references):
        raise UserError(
            f"{what}: the reference's log-probabilities are not, so look at the model that made "
            "them and at model.dtype"
        )
    if not _finite(weights):
        raise UserError(f"{what}: the weights are not after step {number - 1}: {_ADVICE}")
    if number == 1:
        raise UserError(
            f"{what}, before any update: the number type is too small for this model "
            "(model.dtype=float32, trainer.precision=32-true), or the loss's constants are extreme"
        )
    raise UserError(f"{what}: {_ADVICE}")


def check_weights(model: torch.nn.Module) -> None:
    """Check trained weights before they are stored.

    Raises:
        UserError: If one is not finite.
    """
    if not _finite(p for p in model.parameters() if p.requires_grad):
        raise UserError(f"the trained weights are not finite: {_ADVICE}")


def check_scores(scores: Sequence[float]) -> None:
    """Check a reference's log-probabilities before they are stored.

    Raises:
        UserError: If one is not finite.
    """
    if not _finite([torch.tensor(scores)]):
        raise UserError(
            "the reference's log-probabilities are not finite: its weights are damaged, or "
            "model.dtype is too small for it (use float32)"
        )


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(whole(tensor.detach()).isfinite().all()) for tensor in tensors)


_ADVICE = "lower the learning rate, or use a larger number type (model.dtype, trainer.precision)"
