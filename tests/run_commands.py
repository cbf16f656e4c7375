"""Runs of the whole pipeline in processes of their own, for the tests."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Timer

from rich.console import Console

from tratree.composition import compose_config
from tratree.large_imports import import_in_server
from tratree.store.progress import Progress


@dataclass(frozen=True)
class Kill:
    """A kill -9 of the run `moment` seconds into a stage, or at its end if that comes first."""

    stage: str
    moment: float


class ProgressUntilKill(Progress):
    """Kills the run and its workers in the stage, before the store takes the result."""

    def __init__(self, console: Console, store: Path, kill: Kill) -> None:
        super().__init__(console)
        self.unfinished = store / kill.stage
        self.moment = kill.moment

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        with super().stage(title):
            in_stage = any(self.unfinished.glob("*.partial"))
            if in_stage:
                timer = Timer(self.moment, kill_own_group)
                timer.daemon = True  # a stage that fails is not to look like one that was killed
                timer.start()
            yield
            if in_stage:
                kill_own_group()


def kill_own_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


def run_pipeline(folder: Path, overrides: tuple[str, ...], kill: Kill | None) -> None:
    """Run in a process group of its own, so that a kill reaches the workers too."""
    os.setpgrp()
    from tratree.runs.run import run

    store = folder.parent / f"store-{folder.name}"
    with (folder.parent / f"{folder.name}.log").open("a") as log:
        console = Console(file=log)
        progress = ProgressUntilKill(console, store, kill) if kill else Progress(console)
        run(compose_config([f"store={store}", *overrides]), folder, progress)


def start(folder: Path, *overrides: str, kill: Kill | None = None) -> BaseProcess:
    """Start `run_pipeline`; the heavy imports are done once and shared by all starts."""
    context = multiprocessing.get_context("forkserver")
    heavy = ("tratree.stages.bases", "tratree.policy.workers", "tratree.modules.imitation")
    import_in_server(context, ["tratree.runs.run", *heavy, "tests.run_commands"])
    process = context.Process(target=run_pipeline, args=(folder, overrides, kill))
    process.start()
    return process
