"""Steps that a run starts on the nodes of its SLURM job, with a program of ours in each process."""

from __future__ import annotations

import os
import sys

from tratree.preemption import ignoring


def step_command(module: str, tasks_per_node: int, *options: str) -> list[str]:
    """Return the command of a step of this job that runs a module's program in each process.

    Args:
        module: Its name.
        tasks_per_node: Processes on each node; they share its processors.
        options: More for ``srun``, such as its nodes.
    """
    cpus = int(os.environ["SLURM_CPUS_ON_NODE"])
    return [
        # The step of the run itself holds the first node; this one shares it.
        *("srun", "--overlap", "--kill-on-bad-exit=1", *options),
        *(
            f"--ntasks-per-node={tasks_per_node}",
            f"--cpus-per-task={max(1, cpus // tasks_per_node)}",
        ),
        # SLURM sends the signal to leave to every step; Python needs a moment to take it.
        *ignoring(sys.executable, "-m", module),
    ]


def step_environment() -> dict[str, str]:
    """Return the environment without what describes the present step: srun would repeat it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLURM_") or name in ("SLURM_CONF", "SLURM_JOB_ID")
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
