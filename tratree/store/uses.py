"""Uses of a store's stages: every run notes its own there, and holds a lock as long as it lives.

``root/.uses/ID.json`` names the run folder and the stages, ``ID.lock`` is held by the process.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock
from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.files import make_shared, mode_of_files, write_json

FOLDER = ".uses"
GATE = "gate.lock"


class _Note(TypedDict):
    run: str | None
    stages: list[str]


@dataclass(frozen=True)
class Use:
    """The stages of one run.

    Attributes:
        run: Its folder; None for a program that has none.
        stages: Stages that it reads or computes, as ``name/key``.
        living: Whether its process is there now.
    """

    run: Path | None
    stages: frozenset[str]
    living: bool


@contextmanager
def using(root: Path, stages: Iterable[str], run: Path | None = None) -> Iterator[None]:
    """Keep stages from being removed inside the block; waits while others remove some.

    Stages are named as ``name/key``. The note of a run folder stays, for `tratree store list`.

    Raises:
        OSError: If the store can't be written.
    """
    name = (
        f"process-{os.getpid()}-{secrets.token_hex(4)}"
        if run is None
        else sha256(str(run.resolve()).encode()).hexdigest()[:16]
    )
    file = root / FOLDER / f"{name}.json"
    note: _Note = {"run": None if run is None else str(run.resolve()), "stages": sorted(stages)}
    with gate(root):
        lock = FileLock(file.with_suffix(".lock"), mode=mode_of_files(root))
        lock.acquire()
        write_json(file, note)
        file.chmod(mode_of_files(root))
    try:
        yield
    finally:
        if run is None:
            file.unlink(missing_ok=True)
            file.with_suffix(".lock").unlink(missing_ok=True)
        lock.release()


@contextmanager
def gate(root: Path) -> Iterator[None]:
    """Let one process at a time note what it uses, or remove what nobody does."""
    make_shared(root / FOLDER, root)
    with FileLock(root / FOLDER / GATE, mode=mode_of_files(root)):
        yield


def read_uses(root: Path) -> list[Use]:
    """Return the uses of a store; those of run folders that are gone are forgotten.

    Raises:
        UserError: If a note is damaged: what it protects is not known.
    """
    uses = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            note: _Note = read_json(path, _Note, "remove it when no run uses the store")
        except FileNotFoundError:
            continue
        run = None if note["run"] is None else Path(note["run"])
        living = is_locked(path.with_suffix(".lock"))
        if living or (run is not None and run.is_dir()):
            uses.append(Use(run, frozenset(note["stages"]), living))
    return uses


def forget_dead_uses(root: Path) -> None:
    """Remove the notes of processes without a run folder, or one that is gone; inside `gate`."""
    kept = {use.run for use in read_uses(root) if use.run is not None}
    for path in sorted((root / FOLDER).glob("*.json")):
        note: _Note = read_json(path, _Note, "remove it when no run uses the store")
        gone = note["run"] is None or Path(note["run"]) not in kept
        if gone and not is_locked(path.with_suffix(".lock")):
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)


def is_locked(path: Path) -> bool:
    """Return whether a process holds a lock file.

    Raises:
        UserError: If that can't be told.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # to read is enough
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"cannot look at {path} ({error.strerror}): check its rights") from error
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
