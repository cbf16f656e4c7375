"""The store of finished stages: each is computed once, by whoever comes first."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock, Timeout

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.files import (
    clear_disk_errors,
    disk_reason,
    files_below,
    is_own_file,
    make_shared,
    mode_of_files,
    share_as_folder,
    write_json,
)
from tratree.store.code import changed_modules, code_digests
from tratree.store.equal import copy_results, with_equal_inputs
from tratree.store.finished import (
    CODE,
    DESCRIPTION,
    TIMING,
    how_to_repair,
    is_finished,
    refuse_other_than_folder,
    unfinished,
)
from tratree.store.manifest import checked_file, verify, write_manifest
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources, Stage, with_inputs
from tratree.store.uses import is_locked, using
from tratree.tracking import Tracker

ADVICE = "set store=FOLDER to a folder you may write to"


@dataclass(frozen=True)
class Store:
    """Folders of finished stages: ``root/<stage name>/<key>/``.

    A stage is worked on in ``<key>.partial`` under a file lock and appears by an atomic rename,
    so a finished folder is always whole, and an interrupted one is resumed. A
    stage that was finished from other inputs of equal content is copied. What a stage is computed
    from is checked against its manifest first. `computed` holds the keys of the stages that were
    neither found nor copied; `run` is the folder of the run that the stages are for.
    """

    root: Path
    resources: Resources
    progress: Progress
    tracker: Tracker = field(default_factory=Tracker)
    computed: set[str] = field(default_factory=set)
    run: Path | None = None
    _used: set[str] = field(default_factory=set)

    def folder(self, stage: Stage) -> Path:
        """Return the folder of the stage's result once it is finished."""
        return self.root / stage.name / stage.key

    def ensure(self, stage: Stage) -> Path:
        """Return the folder of the finished stage, computing it and its inputs if needed.

        What it holds was checked against its manifest.

        Raises:
            UserError: If the store can't be written, the stage or an input of a computation is
                damaged, or the stage's own input is bad.
        """
        with clear_disk_errors(f"the store at {self.root}", ADVICE), self.using([stage]):
            folder = self._ensure(stage)
            verify(folder, checked_file(folder))
        return folder

    @contextmanager
    def using(self, stages: Iterable[Stage]) -> Iterator[None]:
        """Keep stages and their inputs from being removed inside the block."""
        places = {f"{stage.name}/{stage.key}" for stage in with_inputs(stages)}
        if places <= self._used:
            yield
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(using(self.root, places, self.run))
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                    raise  # who can only read a finished store uses it at his own risk
            stack.callback(_share_cache, self.root)
            added = places - self._used
            self._used.update(added)
            stack.callback(self._used.difference_update, added)
            yield

    def _ensure(self, stage: Stage) -> Path:
        finished = self.folder(stage)
        if is_finished(finished):
            self.progress.reused(stage.title)
            return finished
        inputs = {name: self._ensure(before) for name, before in stage.inputs.items()}
        with self._lock(stage):
            if is_finished(finished):
                self.progress.reused(stage.title)
                return finished
            for folder in inputs.values():
                verify(folder, checked_file(folder))
            self._compute(stage, inputs, finished)
        return finished

    def _compute(self, stage: Stage, inputs: Mapping[str, Path], finished: Path) -> None:
        partial = unfinished(finished)
        started = time.monotonic()
        same = with_equal_inputs(stage, inputs, self.root)
        if same and _copy(same, partial):
            self.progress.reused(stage.title, "its inputs equal those of a finished one")
        else:
            _keep_only(stage.resumes, partial)
            with self.progress.stage(stage.title):
                told = (self.resources, self.progress, stage.title, self.tracker)
                stage.run(Job(stage.settings, inputs, partial, *told))
            self.computed.add(stage.key)
            _write(partial / CODE, code_digests(stage.run, *stage.code))
        _write(partial / TIMING, {"seconds": round(time.monotonic() - started, 3)})
        _write(partial / DESCRIPTION, stage.description())
        share_as_folder(partial)
        write_manifest(partial, checked_file(finished))
        os.sync()  # so that a power cut after the rename finds whole files
        partial.rename(finished)

    def changed_code(self, stages: Iterable[Stage]) -> list[tuple[Stage, list[str]]]:
        """Return the finished ones among `stages` that other code computed, with its modules."""
        found = []
        for stage in stages:
            stored = self.folder(stage) / CODE
            if stored.is_file():
                before = read_json(stored, dict[str, str], how_to_repair(stored.parent))
                if changed := changed_modules(before, code_digests(stage.run, *stage.code)):
                    found.append((stage, changed))
        return found

    @contextmanager
    def _lock(self, stage: Stage) -> Iterator[None]:
        folder = self.folder(stage)
        refuse_other_than_folder(folder.parent)
        make_shared(folder.parent, self.root)
        lock = FileLock(lock_file(folder), mode=mode_of_files(self.root))
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            self.progress.message(f"{stage.title}: another run is computing it; waiting")
            lock.acquire()
        except OSError as error:
            if error.errno not in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
                raise
            raise UserError(f"{lock_file(folder)} is no file to lock: remove it") from error
        try:
            yield
        finally:
            lock.release()


def unfinished_stages(root: Path, stages: Iterable[Stage]) -> list[Stage]:
    """Return those of `stages` and of what they need that `Store.ensure` would compute.

    The inputs of a finished stage are not needed.
    """
    missing = [s for s in stages if not is_finished(root / s.name / s.key)]
    inputs = [before for stage in missing for before in stage.inputs.values()]
    return [*missing, *(unfinished_stages(root, inputs) if inputs else ())]


def _share_cache(root: Path) -> None:
    with suppress(OSError):  # others have it then, or make their own
        make_shared(root / "cache", root)
        (root / "cache").chmod(stat.S_IMODE(root.stat().st_mode))
        share_as_folder(root / "cache")


def prepare_root(store: str) -> Path:
    """Return the root of the store that a configuration names, made if needed.

    Raises:
        UserError: If it can't be a store.
    """
    if not store:
        raise UserError("store= is empty: set store=FOLDER")
    root = Path(store).absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = disk_reason(error, root) if isinstance(error, OSError) else error
        raise UserError(f"cannot make the store at {root} ({reason}): {ADVICE}") from error
    return root


def is_being_computed(finished: Path) -> bool:
    """Return whether a process is computing the stage whose folder will be `finished`."""
    return is_locked(lock_file(finished))


def lock_file(finished: Path) -> Path:
    """Return the file that is locked while a stage is computed or removed."""
    return finished.with_suffix(".lock")


def _copy(finished: Path, partial: Path) -> bool:
    """Copy the results of a finished stage; return whether it was there up to the end."""
    _keep_only((), partial)
    try:
        copy_results(finished, partial)
    except FileNotFoundError:  # somebody removed it
        return False
    return True


def _keep_only(patterns: tuple[str, ...], partial: Path) -> None:
    """Make the folder of an unfinished stage, without what its work does not resume from."""
    refuse_other_than_folder(partial)
    make_shared(partial, partial.parent)
    for path in list(files_below(partial)):
        name = path.relative_to(partial).as_posix()
        if not (is_own_file(path) and any(fnmatch(name, pattern) for pattern in patterns)):
            path.unlink()
    for folder, _, _ in os.walk(partial, topdown=False):
        if Path(folder) != partial and not os.listdir(folder):
            os.rmdir(folder)


def _write(path: Path, data: object) -> None:
    write_json(path, data, indent=2, sort_keys=True)
