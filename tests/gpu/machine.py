"""The machine itself, and the model that all other groups are checked with."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import torch

from tests.gpu.place import Check, Place, Row


def checks(place: Place) -> list[Check]:
    """Return the checks."""
    return [partial(_machine, place), partial(_model, place)]


def _machine(place: Place) -> Iterator[Row]:
    """Name the machine and what is installed."""
    yield Row("processor", f"{platform.machine()}, {os.cpu_count()} cores")
    if not place.gpus:
        yield Row("GPUs", "none used")
    for number in range(place.gpus):
        of = torch.cuda.get_device_properties(number)
        memory = f"{of.total_memory / 2**30:.0f} GiB"
        yield Row(f"GPU {number}", f"{of.name}, {memory}, capability {of.major}.{of.minor}")
    if place.gpus:
        nccl = ".".join(map(str, torch.cuda.nccl.version()))
        yield Row("CUDA of PyTorch, NCCL", f"{torch.version.cuda}, {nccl}")
    for package in ("triton", "bitsandbytes", "vllm"):
        try:
            yield Row(package, version(package))
        except PackageNotFoundError:
            yield Row(package, "not in this environment")


def _model(place: Place) -> Iterator[Row]:
    """Make the model, so that no other check waits for it, and say how large it is."""
    start = time.perf_counter()
    model = place.load("bfloat16")
    seconds = time.perf_counter() - start
    size = sum(weights.numel() for weights in model.parameters())
    yield Row("weights of the model that is checked", f"{size:,}, made in {seconds:.0f} s")
