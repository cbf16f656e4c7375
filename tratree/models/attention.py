"""Attention of ours among transformers' implementations, each for what it is made for alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask


def register_attention(name: str, attend: Callable[..., Tensor | None]) -> None:
    """Let transformers know an implementation; what it is not made for, SDPA attends to as always.

    Args:
        name: Its name among transformers' implementations.
        attend: Called as ``attend(query, key, value, mask, dropout=…, scaling=…, …)``, with what
            `AttentionInterface` gives: [B, heads, Q, head size] of queries, and likewise of keys
            and values with their own heads and length; further arguments are those of the model's
            forward pass. It returns [B, Q, heads, head size], or None for what is SDPA's.
    """

    def forward(
        module: torch.nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Any,
        dropout: float = 0.0,
        scaling: float | None = None,
        **arguments: Any,
    ) -> tuple[Tensor, Tensor | None]:
        states = query, key, value, attention_mask
        said = attend(*states, dropout=dropout, scaling=scaling, **arguments)
        if said is not None:
            return said, None
        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, *states, dropout, scaling, **arguments
        )
        return found

    AttentionInterface.register(name, forward)
    AttentionMaskInterface.register(name, sdpa_mask)
