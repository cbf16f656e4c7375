"""Sampling of one token a row from logits, by inverse transform of one uniform draw."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings


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
        UserError: If logits are not finite, except for tokens that are ruled out.
    """
    likeliest = logits.argmax(-1)
    if not logits.gather(-1, likeliest[:, None]).isfinite().all():
        raise UserError(
            "the model's logits are not finite: its weights are damaged, or model.rollout_dtype is "
            "too small for it (use float32)"
        )
    if all(row.temperature == 0 for row in settings):
        return likeliest

    # One small tensor for all: on a GPU each would be a transfer that the CPU waits for.
    rows = [
        (
            row.temperature or 1.0,
            row.top_p if row.top_p < 1 else float("inf"),
            row.top_k or logits.shape[-1],
            row.min_p,
            row.temperature == 0,
            draw,
        )
        for row, draw in zip(settings, draws, strict=True)
    ]
    columns = torch.tensor(rows, dtype=torch.float64).to(logits.device)
    temperature, top_p, top_k, min_p, greedy, drawn_at = columns[:, :, None].unbind(1)
    probabilities = torch.softmax(logits.double() / temperature, dim=-1)
    if any(row.top_p < 1 or row.top_k or row.min_p for row in settings):
        ranked, order = probabilities.sort(dim=-1, descending=True, stable=True)
        least = min_p * ranked[:, :1]
        rank = torch.arange(logits.shape[-1], device=logits.device)
        dropped = (ranked.cumsum(-1) - ranked >= top_p) | (rank >= top_k) | (ranked < least)
        probabilities = probabilities.scatter(-1, order, ranked.masked_fill(dropped, 0.0))
    cumulative = probabilities.cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.minimum(drawn_at * total, total.nextafter(torch.zeros_like(total)))
    drawn = torch.searchsorted(cumulative, target, right=True)[:, 0]
    return torch.where(greedy[:, 0] == 1, likeliest, drawn)
