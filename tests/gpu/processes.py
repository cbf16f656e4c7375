"""Processes that train and play may use a GPU after their start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from tests.gpu.place import Place, Row, unmeasured
from tratree.modules.processes import run_in_processes


def rows(place: Place) -> Iterator[Row]:
    """Start a process for each GPU, twice as many times as once has to work."""
    check = "processes of a training that compute on their GPU"
    if not place.gpus:
        yield unmeasured(check)
        return
    for turn in range(2):
        folder = place.folder / f"ranks-{turn}"
        folder.mkdir()
        run_in_processes(partial(_compute, folder), place.gpus)
        found = len(list(folder.iterdir()))
        yield Row(check, f"{found}", f"{place.gpus}", found == place.gpus)
    used = torch.zeros(1, device="cuda")  # from now on this process uses one, too
    run_in_processes(partial(_compute, place.folder), place.gpus)
    yield Row("the same after this process has used a GPU", f"{used.sum():.0f} failed", "0 failed")


def _compute(folder: Path) -> None:
    rank = int(os.environ["LOCAL_RANK"])
    total = torch.arange(1000, device=f"cuda:{rank}").sum().item()
    (folder / f"rank-{rank}").write_text(str(total), encoding="utf-8")
