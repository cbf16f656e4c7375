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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

SIGNAL = signal.SIGUSR2
"""The signal that Submitit sends, unless ``SUBMITIT_PREEMPT_SIGNAL`` says otherwise."""

PATIENCE_SECONDS = 60.0
"""Longest wait for a safe point; then the job leaves anyway, because the machine won't wait."""


Owner = Callable[[int, FrameType | None], object] | signal.Handlers
"""The handler that a signal would have reached; `signal.SIG_DFL` ends the process."""


class Leaving:
    """A record of whether the job has been asked to leave.

    Args:
        owners: Handler that each signal which is held back would have reached.
    """

    def __init__(self, owners: Mapping[signal.Signals, Owner]) -> None:
        self._owners = owners
        self._came: int | None = None
        self._timer: threading.Timer | None = None
        self._patient = True

    @property
    def asked(self) -> bool:
        """Return whether a signal has come and not been passed on."""
        return self._came is not None

    def leave(self) -> None:
        """Let the owner of the signal act; as a rule that ends the process, or raises."""
        number = SIGNAL if self._came is None else signal.Signals(self._came)
        self.settle()
        owner = self._owners.get(number)
        if owner is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif callable(owner):
            owner(number, None)

    def settle(self) -> None:
        """Forget that a signal came."""
        self._came = None
        self._patient = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hold(self) -> None:
        """Hold the signals back, again after somebody else has taken them."""
        for number in self._owners:
            signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: wait for a safe point, unless Ctrl-C is pressed again or patience ends.

        A cluster sends the others to all its processes, some of which pass them on.
        """
        if self._came is not None:
            if number == signal.SIGINT or not self._patient:
                self.leave()
            return
        self._came = number
        self._timer = threading.Timer(PATIENCE_SECONDS, self._end_patience, (number,))
        self._timer.daemon = True
        self._timer.start()

    def _end_patience(self, number: int) -> None:
        self._patient = False
        os.kill(os.getpid(), number)


@contextmanager
def wait_for_safe_points(*more: signal.Signals) -> Iterator[Leaving]:
    """Hold the signal back; the caller asks at its safe points whether it has come.

    A signal that is still waiting at the end of the block is passed on then. Where nobody has
    taken charge of the signal, it is left alone: by default it kills the process.

    Args:
        more: Other signals that wait, too, such as that of Ctrl-C; also where they would kill the
            process, but not where it ignores them.
    """
    owners: dict[signal.Signals, Owner] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (SIGNAL, *more):
            owner = signal.getsignal(number)
            if callable(owner) or (owner is signal.SIG_DFL and number != SIGNAL):
                owners[number] = owner
    leaving = Leaving(owners)
    leaving.hold()
    try:
        yield leaving
    finally:
        for number, owner in owners.items():
            signal.signal(number, owner)
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
