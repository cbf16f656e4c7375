"""GPUs of this machine, as the driver's ``nvidia-smi`` shows them: no CUDA starts here."""

from __future__ import annotations

import csv
import os
import subprocess
from typing import NamedTuple

from tratree.errors import UserError

ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""The environment in which CUDA numbers GPUs as ``nvidia-smi`` does."""

_QUERY = ["--query-gpu=index,uuid,memory.used,memory.total", "--format=csv,noheader,nounits"]
_SECONDS = 60
_FREE = 0.05
"""Most of its memory, as a share, that a free GPU has in use: by the driver itself."""

_ADVICE = "use a machine with a free NVIDIA GPU, or set rollout.engine=transformers"


class Gpu(NamedTuple):
    """A GPU.

    Attributes:
        number: Index of ``nvidia-smi``.
        uuid: ``GPU-`` and its id.
        used: Share of its memory in use.
        memory: All of it, in bytes.
    """

    number: str
    uuid: str
    used: float
    memory: float


def free_gpus() -> list[str]:
    """Return the GPUs in nobody's use, of those that ``CUDA_VISIBLE_DEVICES`` allows, as it does.

    Raises:
        UserError: If there is none.
    """
    named = visible_gpus()
    if not named:
        if os.environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-"):
            raise UserError(
                "rollout.servers=auto takes whole GPUs, and CUDA_VISIBLE_DEVICES names parts of "
                "them (MIG): start a server on each and name them in rollout.servers, or set "
                "rollout.engine=transformers"
            )
        raise UserError(f"rollout.servers=auto finds no GPU here: {_ADVICE}")
    free = [name for name, gpu in named.items() if gpu.used <= _FREE]
    if not free:
        raise UserError(
            f"rollout.servers=auto finds no free GPU: programs use all {len(named)}; {_ADVICE}"
        )
    return free


def visible_gpus() -> dict[str, Gpu]:
    """Return the GPUs that ``CUDA_VISIBLE_DEVICES`` allows, by their names there, or numbers."""
    gpus = _gpus()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return {gpu.number: gpu for gpu in gpus}
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return {n: g for n in names for g in gpus if g.number == n or g.uuid.startswith(n)}


def _gpus() -> list[Gpu]:
    """Return the GPUs; none without a driver."""
    try:
        told = subprocess.run(
            ["nvidia-smi", *_QUERY], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
        rows = csv.reader(told.stdout.splitlines(), skipinitialspace=True)
        return [
            Gpu(number, uuid, float(used) / float(all_), float(all_) * 2**20)
            for number, uuid, used, all_ in rows
        ]
    except (OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError):
        return []
