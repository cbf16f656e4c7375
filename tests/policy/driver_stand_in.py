"""A machine with four GPUs and vLLM, as programs that start them see it: without either."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tratree.policy.own_servers import COMMAND

PROGRAM = Path(__file__).with_name("vllm_program.py")


def four_gpus(
    folder: Path, monkeypatch: pytest.MonkeyPatch, used: Sequence[int] = (4, 4, 70000, 4)
) -> None:
    """Put an ``nvidia-smi`` first on the path; `used` is in MiB of 81559."""
    folder = folder / "driver"
    folder.mkdir(exist_ok=True)
    rows = "\n".join(f"{n}, GPU-{n}-b0de, {mib}, 81559" for n, mib in enumerate(used))
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<END\n{rows}\nEND\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def vllm_behind(url: str, monkeypatch: pytest.MonkeyPatch, fault: str = ":") -> None:
    """Have servers started with the program beside this file, which asks `url`."""
    monkeypatch.setenv(COMMAND, f"{sys.executable} {PROGRAM}")
    monkeypatch.setenv("STAND_IN_BEHIND", url)
    monkeypatch.setenv("STAND_IN_FAULT", fault)
