"""Kills of whole runs at file operations: where a kill could leave something half done."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.run_commands import kill_own_group, run_pipeline
from tratree.files import files_below
from tratree.large_imports import import_in_server
from tratree.store.finished import TIMING

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")
COUNT = "operations.txt"
BEFORE = "store-before"
"""The store with which every run of a root begins, if there is one."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run that was killed several times.

    Attributes:
        kills: Number of kills.
        differences: Files that are not those of the undisturbed run, or are left over.
    """

    kills: int
    differences: list[str]


def run_counting(folder: Path, overrides: tuple[str, ...], kill_at: int | None) -> None:
    """Run in a process group of its own, count operations on its store and temporary folder."""
    store = folder.parent / f"store-{folder.name}"
    watched = tuple(map(str, (store, tempfile.gettempdir(), folder)))
    done = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        if event not in OPERATIONS or not str(arguments[0]).startswith(watched):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        done += 1
        if done == kill_at:
            kill_own_group()

    os.setpgrp()
    sys.addaudithook(watch)
    run_pipeline(folder, overrides, None)
    (folder.parent / COUNT).write_text(str(done))


def start(folder: Path, overrides: tuple[str, ...], kill_at: int | None) -> int:
    """Run to the end or to the kill; return the exit code."""
    context = multiprocessing.get_context("forkserver")
    import_in_server(context, ["tratree.runs.run", "tests.attack.kills"])
    process = context.Process(target=run_counting, args=(folder, overrides, kill_at))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def undisturbed(root: Path, overrides: tuple[str, ...], before: Path | None = None) -> int:
    """Run once into ``root/undisturbed`` and return the number of operations.

    Args:
        root: Folder that holds all runs of `overrides` and their stores are.
        overrides: Of the run.
        before: The root of a run that has computed some of its stages, which are not done again.
    """
    if before is not None:
        shutil.copytree(before / "store-undisturbed", root / BEFORE, symlinks=True)
    _prepare_store(root, "undisturbed")
    assert start(root / "undisturbed", overrides, None) == 0, log(root, "undisturbed")
    return int((root / COUNT).read_text())


def killed(
    root: Path, overrides: tuple[str, ...], operations: int, kills: int, seed: int
) -> Outcome:
    """Run into ``root/killed`` with kills at random operations, and compare with `undisturbed`."""
    moments = random.Random(seed)
    name = f"killed-{seed}"
    done = 0
    _prepare_store(root, name)
    for left in range(kills, 0, -1):
        code = start(root / name, overrides, moments.randrange(1, max(2, operations // left)))
        if code == 0:
            break
        assert code == -signal.SIGKILL, log(root, name)
        done += 1
    assert start(root / name, overrides, None) == 0, log(root, name)
    pairs = [(root / "undisturbed", root / name)]
    pairs.append((root / "store-undisturbed", root / f"store-{name}"))
    differences = [text for pair in pairs for text in compare(*pair)]
    return Outcome(done, differences + [str(path) for path in leftovers()])


def _prepare_store(root: Path, name: str) -> None:
    if (root / BEFORE).is_dir():
        shutil.copytree(root / BEFORE, root / f"store-{name}", symlinks=True)


def compare(undisturbed: Path, other: Path) -> list[str]:
    """Return the results and files of stages in which two runs, or two stores, differ."""
    contents = []
    for folder in (undisturbed, other):
        named = {path.relative_to(folder): path for path in files_below(folder)}
        contents.append({name: path for name, path in named.items() if _is_result(name)})
    ours, theirs = contents
    different = ours.keys() ^ theirs.keys()
    both = ours.keys() & theirs.keys()
    different |= {name for name in both if ours[name].read_bytes() != theirs[name].read_bytes()}
    return sorted(map(str, different))


def leftovers() -> list[Path]:
    """Return what killed processes left in the temporary folder and the last run did not clear."""
    return list(Path(tempfile.gettempdir()).glob("libdownward-*"))


def _is_result(name: Path) -> bool:
    """Return whether a file of a run folder or a store must be the same after any kills."""
    if len(name.parts) == 1:
        return name.name.startswith("results.")
    apart = name.parts[0] in ("cache", ".hydra") or name.parts[0] == ".uses"
    return not apart and name.name != TIMING and name.suffix != ".lock"


def log(root: Path, name: str) -> str:
    """Return what a run has said."""
    return (root / f"{name}.log").read_text("utf-8")


def stages_of(run: Path) -> dict[str, str]:
    """Return where in the store each stage of a run is, by title."""
    stages: dict[str, str] = json.loads((run / "stages.json").read_text("utf-8"))["stages"]
    return stages
