"""One process a device, for a fine-tuning on several nodes of a SLURM job.

The run itself is one process on the first node. For a fine-tuning it starts a step of its job, with
a process for each device; this file is also the program of those processes.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable

from tratree.errors import UserError
from tratree.large_imports import large_imports
from tratree.modules.processes import LOOK_EVERY_SECONDS, STOPPED, be_rank, leave_at_once
from tratree.policy.places import nodes_of_job
from tratree.preemption import SIGNAL, Leaving, wait_for_safe_points
from tratree.slurm_steps import step_command, step_environment


def run_on_nodes(work: Callable[[], None], num_nodes: int, devices: int) -> None:
    """Run `work` in ``num_nodes × devices`` new processes that know of each other, and wait.

    Each finds its rank in the environment, as under ``torchrun``, so that `fit` in `work` joins
    the others. If one fails or this process ends, all end. If this process is asked to leave the
    machine or stopped, `fit` saves a checkpoint first, as in `run_in_processes`.

    Args:
        work: Can be pickled. The files that it works on must be on a disk that all nodes see.
        num_nodes: Number of nodes; those of the job that this process is part of.
        devices: Number of processes on each.

    Raises:
        UserError: If the job does not have `num_nodes` nodes, or `work` raises it in a process.
        ChildProcessError: If a process fails otherwise; its traceback is on standard error.
    """
    check_nodes(num_nodes)
    command = step_command(__name__, devices, f"--nodes={num_nodes}")
    with wait_for_safe_points(signal.SIGINT, signal.SIGTERM) as leaving:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=step_environment(),
            process_group=0,  # Ctrl-C reaches the processes by way of this one
        ) as step:
            try:
                said = _wait(step, pickle.dumps(work), leaving)
            finally:
                step.terminate()
        if step.returncode:
            if leaving.asked:
                raise UserError(STOPPED)
            if said:
                raise UserError(said.decode().splitlines()[0])
            raise ChildProcessError(
                f"a process of the fine-tuning failed (srun: {step.returncode})"
            )


def _wait(step: subprocess.Popen[bytes], work: bytes, leaving: Leaving) -> bytes:
    """Return what the step says once it has ended; it is told when its processes are to leave."""
    given: bytes | None = work
    told = False
    while True:
        try:
            return step.communicate(given, LOOK_EVERY_SECONDS)[0]
        except subprocess.TimeoutExpired:
            given = None
        if leaving.asked and not told:
            told = True
            step.send_signal(SIGNAL)  # srun passes it on to all processes


def check_nodes(num_nodes: int) -> None:
    """Check that this process is part of a SLURM job over `num_nodes` nodes, if it is several.

    Raises:
        UserError: If it isn't.
    """
    held = nodes_of_job()
    if num_nodes > 1 and held != num_nodes:
        raise UserError(
            f"trainer.num_nodes={num_nodes} needs a SLURM job over as many nodes, and this process "
            f"is part of {f'one over {held}' if held else 'none'}: use hydra/launcher=slurm_nodes"
        )


def _run() -> None:
    """Do the work that comes in by standard input; standard output has only a `UserError`."""
    signal.signal(SIGNAL, leave_at_once)
    teller = os.dup(1)
    os.dup2(2, 1)
    # Only in the new processes: it takes seconds.
    with large_imports():
        from lightning.pytorch.plugins.environments import SLURMEnvironment

    slurm = SLURMEnvironment(auto_requeue=False)
    be_rank(
        slurm.global_rank(),
        slurm.world_size(),
        slurm.node_rank(),
        slurm.local_rank(),
        int(os.environ["SLURM_NTASKS_PER_NODE"]),
        slurm.main_address,
        slurm.main_port,
    )
    work = pickle.load(sys.stdin.buffer)
    try:
        work()
    except UserError as error:
        os.write(teller, f"{error}\n".encode())
        sys.exit(1)


if __name__ == "__main__":
    _run()
