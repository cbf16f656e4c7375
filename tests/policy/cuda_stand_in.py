"""A machine of three GPUs, as far as its driver tells; its tensors are on the CPU.

A process that imports this may ask for the current GPU only once it has chosen one, as workers do.
"""

from __future__ import annotations

import sys

import torch

chosen: list[int] = []


def current_device() -> int:
    assert chosen, "this process has initialised CUDA"
    return chosen[-1]


def asked_by_bitsandbytes() -> bool:
    """Return whether the caller's caller is a library that would compute on a GPU that it found."""
    return "bitsandbytes" in sys._getframe(2).f_code.co_filename


torch.cuda.device_count = lambda: 0 if asked_by_bitsandbytes() else 3
torch.cuda.is_available = lambda: not asked_by_bitsandbytes()
torch.cuda.set_device = chosen.append
torch.cuda.current_device = current_device
