"""Processes that train and play may use a GPU after their start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from tests.gpu.place import Check, Place, Row, ask_driver, unmeasured
from tratree.modules.processes import run_in_processes


def checks(place: Place) -> list[Check]:
    """Return the check."""
    return [partial(_started, place)]


def _started(place: Place) -> Iterator[Row]:
    """Start a process for each GPU, before and after this one has used it."""
    check = "processes of a training that compute on their GPU"
    if not place.gpus:
        yield unmeasured(check)
        return
    for turn in ("first", "second, after this process has used a GPU"):
        if torch.cuda.is_initialized() and "Default" not in ask_driver("compute_mode"):
            return  # this process alone may use that GPU
        folder = place.folder / f"ranks-{len(turn)}"
        folder.mkdir()
        run_in_processes(partial(_compute, folder), place.gpus)
        found = len(list(folder.iterdir()))
        yield Row(f"{check}, {turn}", f"{found}", f"{place.gpus}", found == place.gpus)
        torch.zeros(1, device="cuda")


def _compute(folder: Path) -> None:
    rank = int(os.environ["LOCAL_RANK"])
    total = torch.arange(1000, device=f"cuda:{rank}").sum().item()
    (folder / f"rank-{rank}").write_text(str(total), encoding="utf-8")
