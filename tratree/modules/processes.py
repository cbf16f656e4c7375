"""One process a device, for a fine-tuning on several devices of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType

import torch
from torch.multiprocessing import (
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)
from torch.multiprocessing.spawn import ProcessContext

from tratree.child_processes import end_with_parent, shielded_children
from tratree.errors import UserError
from tratree.large_imports import import_in_server
from tratree.modules.settings import HardwareSettings
from tratree.preemption import SIGNAL, Leaving, wait_for_safe_points

PRELOADED = ("tratree.modules.fit",)
"""Imported once for all processes of a training; none may initialise CUDA."""

LOOK_EVERY_SECONDS = 0.5
"""Time between two looks of the waiting process whether it has been asked to leave."""

STOPPED = (
    "the fine-tuning was stopped, with a checkpoint: run the same command again, which resumes "
    "from it"
)


def run_in_processes(work: Callable[[], None], count: int) -> None:
    """Run `work` in `count` new processes that know of each other, and wait for all of them.

    Each finds its rank in the environment, as under ``torchrun``, so that `fit` in `work` joins the
    others. If one fails or this process ends, all end. If this process is asked to leave the
    machine (`tratree.preemption`), or stopped by Ctrl-C or SIGTERM, they are told, and `fit` saves
    a checkpoint first; a second Ctrl-C stops all at once. `work` can be pickled, such as a partial
    of a function of a module.

    Raises:
        UserError: If `work` raises it in one of them, or one is killed.
        ProcessRaisedException: If one fails otherwise.
    """
    context = multiprocessing.get_context("forkserver")
    import_in_server(context, PRELOADED)
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    ours, theirs = context.Pipe(duplex=False)
    with shielded_children():
        ranks = start_processes(
            _run,
            args=(work, count, _free_port(), theirs),
            nprocs=count,
            join=False,
            daemon=True,
            start_method="forkserver",
        )
    with wait_for_safe_points(signal.SIGINT, signal.SIGTERM) as leaving:
        _wait(ranks, count, ours, leaving)


def _wait(ranks: ProcessContext, count: int, errors: Connection, leaving: Leaving) -> None:
    """Wait for all processes, and tell them when they are to leave; none outlives the call."""
    told = False
    try:
        while not ranks.join(LOOK_EVERY_SECONDS):
            if leaving.asked and not told:
                told = True
                os.kill(ranks.processes[0].pid, SIGNAL)  # `fit` lets all know
    except (ProcessExitedException, ProcessRaisedException) as error:
        if errors.poll():
            raise UserError(errors.recv()) from None
        if told:
            raise UserError(STOPPED) from None
        if isinstance(error, ProcessExitedException):
            how = error.signal_name or f"exit code {error.exit_code}"
            raise UserError(
                f"process {error.error_index} of {count} of the fine-tuning was ended ({how}), as "
                "when memory runs out: run the same command again, which resumes from its last "
                "checkpoint"
            ) from None
        raise
    finally:
        for process in ranks.processes:
            process.kill()


def check_devices(hardware: HardwareSettings) -> None:
    """Check that this machine has the GPUs that a fine-tuning is to use.

    Raises:
        UserError: If it hasn't.
    """
    if hardware.accelerator != "gpu":
        return
    found = torch.cuda.device_count()
    if found < hardware.devices:
        fewer = f"set trainer.devices={found}" if found > 1 else "use trainer=gpu"
        raise UserError(
            f"trainer.devices={hardware.devices} GPUs are wanted, and torch finds {found} here: "
            f"{fewer if found else 'use trainer=cpu'}"
        )


def be_rank(
    rank: int, count: int, node: int, local_rank: int, local_count: int, address: str, port: int
) -> None:
    """Let this process know its place among `count` on all nodes, as under ``torchrun``.

    All meet at `address` and `port`, of the node of rank 0.
    """
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(local_rank),
        "GROUP_RANK": str(node),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(local_count),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
    }


def _free_port() -> int:
    """Return a port below those that systems give to whoever asks for any: it is used later."""
    while True:
        port = secrets.choice(range(10000, 15000))
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def _run(rank: int, work: Callable[[], None], count: int, port: int, errors: Connection) -> None:
    end_with_parent()
    signal.signal(SIGNAL, leave_at_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {SIGNAL})
    be_rank(rank, count, 0, rank, count, "127.0.0.1", port)
    try:
        work()
    except UserError as error:
        errors.send(str(error))
        raise


def leave_at_once(number: int, frame: FrameType | None) -> None:
    """End this process, as the signal does where nothing can be saved; the others end with it."""
    sys.exit(1)
