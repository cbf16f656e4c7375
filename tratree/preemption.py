"""The signal that asks a job to leave its machine waits until the work is at a safe point.

A cluster sends it some time before it ends a job, because another job needs the machine or the
time is up. Whoever started the job owns the signal: Submitit's handler queues the job again and
ends it. It may do so anywhere, as a run can be killed anywhere; at a safe point nothing is lost.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNAL = signal.SIGUSR2
"""What Submitit sends, unless ``SUBMITIT_PREEMPT_SIGNAL`` says otherwise."""

PATIENCE_SECONDS = 60.0
"""When no safe point comes for so long, the job leaves anyway: the machine will not wait."""


class Leaving:
    """Whether the job has been asked to leave.

    Args:
        owner: The handler that the signal would have reached.
    """

    def __init__(self, owner: Callable[[int, FrameType | None], object] | None) -> None:
        self._owner = owner
        self._timer: threading.Timer | None = None

    @property
    def asked(self) -> bool:
        """Whether the signal has come and not been passed on."""
        return self._timer is not None

    def leave(self) -> None:
        """Let the owner of the signal act; as a rule that ends the process by `SystemExit`."""
        self.settle()
        if self._owner is not None:
            self._owner(SIGNAL, None)

    def settle(self) -> None:
        """Forget that the signal came."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take the signal: wait for a safe point the first time, leave the second time."""
        if self._timer is not None:
            self.leave()
            return
        repeat = threading.Timer(PATIENCE_SECONDS, os.kill, (os.getpid(), SIGNAL))
        repeat.daemon = True
        repeat.start()
        self._timer = repeat


@contextmanager
def wait_for_safe_points() -> Iterator[Leaving]:
    """Hold the signal back; the caller asks at its safe points whether it has come.

    A signal that is still waiting at the end of the block is passed on then. Where nobody has
    taken charge of the signal, it is left alone: by default it kills the process.
    """
    owner = signal.getsignal(SIGNAL)
    if not callable(owner) or threading.current_thread() is not threading.main_thread():
        yield Leaving(None)
        return
    leaving = Leaving(owner)
    signal.signal(SIGNAL, leaving.handle)
    try:
        yield leaving
    finally:
        signal.signal(SIGNAL, owner)
        if leaving.asked:
            leaving.leave()


def ignoring(*command: str) -> list[str]:
    """Return the command of a program that the signal does nothing to, until it has a handler.

    For any POSIX shell: ``env --ignore-signal`` is missing on clusters that are still in use. While
    SLURM itself starts the program (some tenths of a second), the signal still ends the job.
    """
    name = SIGNAL.name.removeprefix("SIG")
    return ["sh", "-c", f'trap "" {name}; exec "$0" "$@"', *command]


def ignore_at_exit() -> None:
    """Let the signal do nothing from when this process begins to end.

    Python takes its handlers away then, and what it still has to clean up would be killed: the job
    of a run that is complete would count as failed.
    """
    atexit.register(signal.signal, SIGNAL, signal.SIG_IGN)
