"""Rules for processes that this one starts: who may interrupt them, and when they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from tratree.preemption import SIGNAL

SECONDS_TO_CLOSE = 5.0
"""Time that a process may take to end once it is told to."""


@contextmanager
def shielded_children() -> Iterator[None]:
    """Processes started in the block get neither Ctrl-C nor the signal to leave the machine.

    Terminals and SLURM send them to all processes of a job. They are for the first one to act on;
    without workers it could not reach a safe point.
    """
    resource_tracker.ensure_running()  # with the first process it would start, and unblock Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Let this process end when the one that started it by `multiprocessing` is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_CLOSE)
    os._exit(1)
