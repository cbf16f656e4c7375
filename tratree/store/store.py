"""The store of finished stages: each is computed once, by whoever comes first."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from tratree.errors import UserError
from tratree.files import share_as_folder
from tratree.store.code import changed_modules, code_digests
from tratree.store.finished import CODE, DESCRIPTION, TIMING, unfinished, with_equal_inputs
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources, Stage
from tratree.tracking import Tracker


@dataclass(frozen=True)
class Store:
    """Folders of finished stages: ``root/<stage name>/<key>/``.

    A stage is worked on in ``<key>.partial`` under a file lock and appears by an atomic rename,
    so a finished folder is always whole, and an interrupted one is gone on with. A
    stage that was finished from other inputs of equal content is copied. `computed` holds the keys
    of the stages that were neither found nor copied.
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
            started = time.monotonic()
            same = with_equal_inputs(stage, inputs, self.root)
            if same:
                self.progress.reused(stage.title, "its inputs equal those of a finished one")
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(same, partial)
            else:
                partial.mkdir(parents=True, exist_ok=True)
                with self.progress.stage(stage.title):
                    stage.run(self._job(stage, inputs, partial))
                self.computed.add(stage.key)
                _write_json(partial / CODE, code_digests(stage.run, *stage.code))
            _write_json(partial / TIMING, {"seconds": round(time.monotonic() - started, 3)})
            _write_json(partial / DESCRIPTION, stage.description())
            share_as_folder(partial)
            os.sync()  # so that a power cut after the rename finds whole files
            partial.rename(finished)
        return finished

    def changed_code(self, stages: Iterable[Stage]) -> list[tuple[Stage, list[str]]]:
        """Return the finished ones among `stages` that other code computed, with its modules."""
        found = []
        for stage in stages:
            stored = self.folder(stage) / CODE
            if stored.is_file():
                before = json.loads(stored.read_text("utf-8"))
                if changed := changed_modules(before, code_digests(stage.run, *stage.code)):
                    found.append((stage, changed))
        return found

    def _job(self, stage: Stage, inputs: Mapping[str, Path], folder: Path) -> Job:
        return Job(
            stage.settings,
            inputs,
            folder,
            self.resources,
            self.progress,
            stage.title,
            self.tracker,
        )

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
