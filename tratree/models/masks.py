"""Detection of models that pass extra arguments to their attention, and the mask for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def unread_mask(model: Any) -> Tensor:
    """Return a mask that nobody may read, [1, 1, 1, 1].

    With a mask of four dimensions a model makes none of its own. One that reads it all the same
    gets logits that are not a number.
    """
    return working_weights(model).new_full((1, 1, 1, 1), torch.nan)


@torch.no_grad()  # a sharded model knows no inference mode
def hands_on(model: Any, **arguments: Any) -> bool:
    """Return whether attention gets `arguments` of the forward pass, and reads no mask then.

    Args:
        model: Any causal language model of transformers.
        arguments: Arguments that attention is given for a sequence of one token.
    """
    token_ids = torch.full((1, 1), 3, device=model.device)
    try:
        logits: Tensor = model(
            input_ids=token_ids, attention_mask=unread_mask(model), use_cache=False, **arguments
        ).logits
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return False
    return bool(logits.isfinite().all())


def working_weights(model: Any) -> Tensor:
    """Return an empty tensor of the number type and on the device that attention works with."""
    weights = model.get_input_embeddings().weight
    return torch.empty(0, dtype=weights.dtype, device=weights.device)
