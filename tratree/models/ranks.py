"""Facts that a process needs when several train one model."""

from __future__ import annotations

from torch import Tensor, distributed
from torch.distributed.tensor import DTensor


def whole(tensor: Tensor) -> Tensor:
    """Return a sharded tensor as a whole one; all ranks must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def is_first_rank() -> bool:
    """Return whether this process is the one that writes files and talks to the user."""
    return not distributed.is_initialized() or distributed.get_rank() == 0
