"""Sampling of one token a row from logits, by inverse transform of one uniform draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tratree.errors import UserError


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn from a policy.

    Attributes:
        temperature: Divides the logits; 0 takes the most likely token.
        top_p: Keeps the fewest most likely tokens whose probabilities reach this sum, in (0, 1].
        top_k: Keeps this many most likely tokens; 0 keeps all.
        min_p: Keeps tokens at least this many times as probable as the most likely one, in [0, 1).

    Raises:
        UserError: If a value is out of its range.
    """

    temperature: float
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.temperature < float("inf"):
            raise UserError(f"temperature is {self.temperature}: set it to 0 or more")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p is {self.top_p}: set it above 0 and at most 1")
        if self.top_k < 0:
            raise UserError(f"top_k is {self.top_k}: set it to 0 (no limit) or more")
        if not 0 <= self.min_p < 1:
            raise UserError(f"min_p is {self.min_p}: set it from 0 to below 1")


def sample(logits: Tensor, settings: Sequence[SamplingSettings], draws: Sequence[float]) -> Tensor:
    """Draw one token a row; a row's token depends on its own logits and draw only.

    The cumulative distribution runs over the tokens in the order of their ids, in float64.
    Equal logits are ranked by id.

    Args:
        logits: Shape [B, V].
        settings: One for each row.
        draws: One uniform number in [0, 1) for each row.

    Returns:
        Token ids, shape [B].

    Raises:
        UserError: If logits are not finite, but for tokens that are ruled out.
    """
    likeliest = logits.argmax(-1)
    if not logits.gather(-1, likeliest[:, None]).isfinite().all():
        raise UserError(
            "the model's logits are not finite: its weights are damaged, or model.rollout_dtype is "
            "too small for it (use float32)"
        )
    if all(row.temperature == 0 for row in settings):
        return likeliest

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=logits.device)[:, None]

    temperature = column([row.temperature or 1.0 for row in settings])
    probabilities = torch.softmax(logits.double() / temperature, dim=-1)
    if any(row.top_p < 1 or row.top_k or row.min_p for row in settings):
        ranked, order = probabilities.sort(dim=-1, descending=True, stable=True)
        top_p = column([row.top_p if row.top_p < 1 else float("inf") for row in settings])
        top_k = column([row.top_k or logits.shape[-1] for row in settings])
        least = column([row.min_p for row in settings]) * ranked[:, :1]
        rank = torch.arange(logits.shape[-1], device=logits.device)
        dropped = (ranked.cumsum(-1) - ranked >= top_p) | (rank >= top_k) | (ranked < least)
        probabilities = probabilities.scatter(-1, order, ranked.masked_fill(dropped, 0.0))
    cumulative = probabilities.cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.minimum(column(draws) * total, total.nextafter(torch.zeros_like(total)))
    drawn = torch.searchsorted(cumulative, target, right=True)[:, 0]
    greedy = torch.tensor([row.temperature == 0 for row in settings], device=logits.device)
    return torch.where(greedy, likeliest, drawn)
