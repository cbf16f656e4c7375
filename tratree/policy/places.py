"""Places of the processes that play or compute: the devices of this machine, or of all nodes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Places:
    """Places of processes that share work; number n of a node is on its GPU n modulo `gpus`.

    Attributes:
        workers: Processes on each node.
        gpus: GPUs of each node that they use; 0: they compute on its CPU.
        nodes: Nodes of the SLURM job, this one among them.
    """

    workers: int = 1
    gpus: int = 0
    nodes: int = 1

    @property
    def count(self) -> int:
        """Number of processes on all nodes."""
        return self.workers * self.nodes

    @property
    def is_here(self) -> bool:
        """True if this process does all itself: never on a GPU, whose memory it would keep."""
        return self.count == 1 and not self.gpus

    @property
    def sharing(self) -> int:
        """Most processes that share one memory: that of a GPU, or of a node."""
        return -(-self.workers // max(1, self.gpus))

    def at_most(self, parts: int) -> Places:
        """Return the places without those that `parts` parts of work would leave idle."""
        workers = max(1, min(self.workers, parts))
        return replace(self, workers=workers, nodes=max(1, min(self.nodes, -(-parts // workers))))


def find_places(
    workers: int | Literal["auto"], accelerator: str = "cpu", devices: int = 1
) -> Places:
    """Return the places of `workers` processes.

    Args:
        workers: Their number on this machine, on its GPUs in turn; ``auto`` is one a device, on
            all nodes of the SLURM job that this process is part of.
        accelerator: ``gpu`` for all GPUs that a node has, if any, or ``cpu``.
        devices: With ``auto``, how many a CPU counts for.
    """
    gpus = 0
    if accelerator == "gpu":
        # Imported here, because settings need no torch; counting starts nothing on a GPU.
        import torch

        gpus = torch.cuda.device_count()
    if workers != "auto":
        return Places(workers, min(gpus, workers))
    on_cpu = devices if accelerator == "cpu" else 1
    return Places(gpus or on_cpu, gpus, max(1, nodes_of_job()))


def nodes_of_job() -> int:
    """Return the number of nodes of the SLURM job that this process is part of; 0 without one.

    The shell of ``salloc`` on a login node is no part of its job: steps of it would begin there.
    """
    told = os.environ.get("SLURM_JOB_NUM_NODES", "")
    return int(told) if "SLURMD_NODENAME" in os.environ and told.isdecimal() else 0
