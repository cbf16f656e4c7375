"""A worker process: its main loop, and its handle for the process that has started it."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any, Protocol

import psutil
import torch

from tratree.child_processes import SECONDS_TO_CLOSE, end_with_parent, shielded_children
from tratree.errors import UserError
from tratree.large_imports import import_in_server
from tratree.policy.machine_settings import GIB, WorkerSettings
from tratree.policy.places import Places
from tratree.policy.watched_env import IDLE

PRELOADED = ["tratree.policy.workers", "transformers.models.llama.modeling_llama"]
"""Imported once for all workers; none may initialise CUDA."""

Report = Callable[[str], None]


class Engine(Protocol):
    """A worker's way to do items of work, some of them at a time."""

    @property
    def live(self) -> int:
        """Number of items under way."""
        ...

    @property
    def free(self) -> int:
        """Number of further items that it has room for."""
        ...

    def add(self, index: int, item: Any) -> None:
        """Begin with an item."""
        ...

    def advance(self) -> Sequence[tuple[int, Any]]:
        """Do a part of the work; return (index, result) of the items that are done."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True)
class Duty:
    """The work of the workers; picklable.

    Attributes:
        open: Makes the engine in a worker, given the clocks of its environments and what shows
            lines to the user.
        places: Places of all workers.
        settings: Limits at which one is replaced.
        threads: CPU threads of each.
        envs: Most environments of each.
    """

    open: Callable[[Any, Report], Engine]
    places: Places
    settings: WorkerSettings
    threads: int
    envs: int = 0

    @property
    def look_every(self) -> float | None:
        """Seconds between two looks for environments that hang; None without a limit."""
        limit = self.settings.step_seconds
        return None if limit is None else min(1.0, limit / 4)


@dataclass(frozen=True)
class Retired:
    """Sent by a worker that has done its share; what it has not begun is dealt again."""


@dataclass(frozen=True)
class Died:
    """Sent in place of a worker of another node that died.

    Attributes:
        how: Its cause, such as ``with exit code -9``.
    """

    how: str


def worker_context() -> ForkServerContext:
    """Return what starts workers."""
    context = multiprocessing.get_context("forkserver")
    import_in_server(context, PRELOADED)
    return context


class Worker:
    """A worker process of this machine, a `Member`; `number` counts those of this node."""

    def __init__(self, context: ForkServerContext, duty: Duty, number: int) -> None:
        self.number = number
        self.connection, theirs = context.Pipe()
        self._clocks: Any = context.Array("d", [IDLE] * duty.envs, lock=False)
        self._limit = duty.settings.step_seconds
        arguments = (duty, number, self._clocks, theirs)
        self._process = context.Process(target=work, args=arguments, daemon=True)
        with shielded_children():
            self._process.start()
        theirs.close()
        self._hung = False

    def kill_if_hung(self) -> None:
        """End the process if a call of an environment takes longer than it may."""
        began = min((clock for clock in self._clocks if clock != IDLE), default=None)
        if self._limit and began is not None and time.monotonic() - began > self._limit:
            self._hung = True
            self._process.kill()

    def death(self) -> Died:
        """Wait for the end of the process, and return its cause."""
        self._process.join()
        if self._hung:
            return Died(f"because its environment did not answer for {self._limit:g} s")
        return Died(f"with exit code {self._process.exitcode}")

    def stop(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def end(self, seconds: float | None = None) -> None:
        """Wait for the process, at most for some seconds, and let go of it."""
        self._process.join(seconds)
        self._process.kill()
        self._process.join()
        self.connection.close()


class Member(Protocol):
    """A worker as the run that deals to it sees it."""

    connection: Connection

    def kill_if_hung(self) -> None:
        """End it if a call of an environment takes longer than it may."""
        ...

    def death(self) -> Died:
        """Wait for the end of one that has closed its connection, and return its cause."""
        ...

    def stop(self) -> None:
        """Ask it to end."""
        ...

    def end(self, seconds: float | None = None) -> None:
        """Wait for it, at most for some seconds, and let go of it."""
        ...


def end_all(workers: Sequence[Member]) -> None:
    """End workers together."""
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.end(SECONDS_TO_CLOSE)


def work(duty: Duty, number: int, clocks: Any, connection: Connection) -> None:
    """Do the items that come in, until told to stop or the parent is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    end_with_parent()
    torch.set_num_threads(duty.threads)
    done, retiring = 0, False
    try:
        if duty.places.gpus:
            torch.cuda.set_device(number % duty.places.gpus)
        with closing(duty.open(clocks, connection.send)) as engine:
            while True:
                if retiring and not engine.live:
                    connection.send(Retired())
                    return
                while not retiring and engine.free and (not engine.live or connection.poll()):
                    engine.add(*connection.recv())
                for ended in engine.advance():
                    connection.send(ended)
                    done += 1
                    retiring = retiring or _is_worn_out(done, duty.settings)
    except Exception as error:
        with suppress(OSError):  # the parent is gone
            connection.send(
                error
                if isinstance(error, UserError)
                else RuntimeError(f"a rollout worker failed:\n{traceback.format_exc()}")
            )


def _is_worn_out(done: int, settings: WorkerSettings) -> bool:
    if settings.recycle_episodes is not None and done >= settings.recycle_episodes:
        return True
    return settings.recycle_gib is not None and _memory_gib() > settings.recycle_gib


def _memory_gib() -> float:
    """Return the memory of this process and its children, in GiB."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    total = 0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / GIB
