"""The store of finished stages: each is computed once, by whoever comes first."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tratree.errors import UserError
from tratree.pipeline.progress import Progress
from tratree.pipeline.stage import Job, Resources, Stage
from tratree.pipeline.tracking import Tracker

DESCRIPTION = "stage.json"
TIMING = "timing.json"


@dataclass(frozen=True)
class Store:
    """Folders of finished stages: ``root/<stage name>/<key>/``.

    A stage is worked on in ``<key>.partial`` under a file lock and appears by an atomic rename,
    so a finished folder is always whole, and an interrupted one is gone on with. `computed` holds
    the keys of the stages that were not found finished.
    """

    root: Path
    resources: Resources
    progress: Progress
    tracker: Tracker = field(default_factory=Tracker)
    computed: set[str] = field(default_factory=set)

    def folder(self, stage: Stage) -> Path:
        """Where the stage's result lies once it is finished."""
        return self.root / stage.name / stage.key

    def ensure(self, stage: Stage) -> Path:
        """Return the folder of the finished stage, computing it and its inputs if needed.

        Raises:
            UserError: If the store can't be written, or the stage's own input is bad.
        """
        finished = self.folder(stage)
        if finished.is_dir():
            self.progress.reused(stage.title)
            return finished
        inputs = {name: self.ensure(before) for name, before in stage.inputs.items()}
        with _clear_disk_errors(self.root), self._lock(stage):
            if finished.is_dir():
                self.progress.reused(stage.title)
                return finished
            partial = unfinished(finished)
            partial.mkdir(parents=True, exist_ok=True)
            with self.progress.stage(stage.title):
                started = time.monotonic()
                stage.run(
                    Job(
                        stage.settings,
                        inputs,
                        partial,
                        self.resources,
                        self.progress,
                        stage.title,
                        self.tracker,
                    )
                )
                seconds = time.monotonic() - started
            _write_json(partial / TIMING, {"seconds": round(seconds, 3)})
            _write_json(partial / DESCRIPTION, stage.description())
            os.sync()  # so that a power cut after the rename finds whole files
            partial.rename(finished)
        self.computed.add(stage.key)
        return finished

    @contextmanager
    def _lock(self, stage: Stage) -> Iterator[None]:
        folder = self.folder(stage)
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_lock_file(folder))
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            self.progress.message(f"{stage.title}: another run is computing it; waiting")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def finished_folders(stages: Path) -> list[Path]:
    """Return the finished ones among the stages of one name, in the order of their keys."""
    folders = {path.parent for path in stages.glob(f"*/{DESCRIPTION}")}
    return sorted(folder for folder in folders if unfinished(folder) != folder)


def unfinished(finished: Path) -> Path:
    """Return where a stage is worked on until it is `finished`."""
    return finished.with_suffix(".partial")


def is_being_computed(finished: Path) -> bool:
    """Whether a process is computing the stage whose folder will be `finished`."""
    if not _lock_file(finished).exists():
        return False
    try:
        FileLock(_lock_file(finished)).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


def _lock_file(finished: Path) -> Path:
    return finished.with_suffix(".lock")


def read_description(folder: Path) -> dict[str, Any]:
    """Return name, version, settings and input keys of the finished stage in `folder`."""
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return description


def _write_json(path: Path, data: object) -> None:
    text = json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


@contextmanager
def _clear_disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"no space left for the store at {root}: free some, or set store=FOLDER to "
                "another disk, and run the same command again; finished work is kept"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise UserError(
                f"cannot write the store at {root} ({error.strerror}): "
                "set store=FOLDER to a folder you may write to"
            ) from error
        raise
