"""Runs of the whole pipeline in processes of their own, for the tests."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path

from rich.console import Console

from tratree.cli.compose import compose_config


def run_pipeline(folder: Path, overrides: tuple[str, ...]) -> None:
    """Run in a process group of its own, so that a kill reaches the workers too."""
    os.setpgrp()
    from tratree.pipeline.progress import Progress
    from tratree.pipeline.run import run

    with (folder.parent / f"{folder.name}.log").open("a") as log:
        config = compose_config([f"store={folder.parent}/store-{folder.name}", *overrides])
        run(config, folder, Progress(Console(file=log)))


def start(folder: Path, *overrides: str) -> BaseProcess:
    """Start `run_pipeline`; the heavy imports are done once and shared by all starts."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tratree.pipeline.run", "tests.pipeline.runs"])
    process = context.Process(target=run_pipeline, args=(folder, overrides))
    process.start()
    return process
