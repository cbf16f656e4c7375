"""A whole store: what is in it, what of it is damaged, which runs use it, and what may go."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tratree.errors import UserError
from tratree.files import clear_disk_errors, files_below
from tratree.store.finished import read_description, unfinished
from tratree.store.manifest import find_damage
from tratree.store.store import lock_file
from tratree.store.uses import forget_dead_uses, gate, is_locked, read_uses

SET_ASIDE = ".damaged"
REMOVED = ".removed"
_KEY_DIGITS = 16


@dataclass(frozen=True)
class StoredStage:
    """A stage of a store, finished or not.

    Attributes:
        folder: Folder that holds it, or will once it is finished.
        finished: Whether it is.
        size: Of its files, in bytes.
        runs: The folders of runs that use it.
        in_use: Whether a process computes it or uses it now.
    """

    folder: Path
    finished: bool
    size: int
    runs: Sequence[Path]
    in_use: bool

    @property
    def place(self) -> str:
        """``name/key``."""
        return f"{self.folder.parent.name}/{self.folder.name}"


@dataclass(frozen=True)
class Repair:
    """A damaged stage that was set aside.

    Attributes:
        place: ``name/key`` of the stage.
        damage: Damage, in words.
        aside: Folder that holds it now.
        dependents: ``name/key`` of all finished stages that were computed from it.
        runs: The folders of runs that use it, and compute it again.
    """

    place: str
    damage: str
    aside: Path
    dependents: Sequence[str]
    runs: Sequence[Path]


def list_stages(root: Path) -> list[StoredStage]:
    """Return all stages of a store, by name and key.

    Raises:
        UserError: If there is no store, or it can't be read.
    """
    if not root.is_dir():
        raise UserError(f"there is no store at {root}: say --store FOLDER, or set TRATREE_STORE")
    with clear_disk_errors(f"the store at {root}", "ask its owner"):
        uses = read_uses(root)
        found = []
        for folder in _places(root):
            place = f"{folder.parent.name}/{folder.name}"
            finished = folder.is_dir()
            of_stage = [use for use in uses if place in use.stages]
            found.append(
                StoredStage(
                    folder,
                    finished,
                    size_of(folder if finished else unfinished(folder)),
                    sorted({use.run for use in of_stage if use.run is not None}),
                    is_locked(lock_file(folder)) or any(use.living for use in of_stage),
                )
            )
    return found


def size_of(folder: Path) -> int:
    """Return the size of all files below a folder, in bytes; 0 if there is none."""
    total = 0
    for path in files_below(folder) if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # somebody is at work
            total += path.lstat().st_size
    return total


def check(root: Path) -> Iterator[tuple[StoredStage, str | None]]:
    """Read every file of every finished stage; yield each stage, and what is wrong with it."""
    for stage in list_stages(root):
        if stage.finished:
            yield stage, find_damage(stage.folder)


def repair(root: Path) -> list[Repair]:
    """Set every damaged stage aside, so that the runs that use it compute it again.

    Raises:
        UserError: If there is no store, or a damaged stage is in use.
    """
    stages = list_stages(root)
    inputs = {s.place: _inputs(s.folder) for s in stages if s.finished}
    repairs = []
    for stage in stages:
        damage = find_damage(stage.folder) if stage.finished else None
        if damage is None:
            continue
        with gate(root), _locked(stage.folder) as free:
            if not free:
                raise UserError(f"{stage.place} is in use: repair it when its run has ended")
            aside = _free_name(root / SET_ASIDE / stage.folder.parent.name / stage.folder.name)
            aside.parent.mkdir(parents=True, exist_ok=True)
            stage.folder.rename(aside)
        dependents = sorted(_dependents(stage.place, inputs))
        repairs.append(Repair(stage.place, damage, aside, dependents, stage.runs))
    return repairs


def prune(root: Path, keep: Iterable[str], *, remove: bool = True) -> list[StoredStage]:
    """Remove the stages that nobody needs.

    What a living process computes or uses stays, with all that it was computed from. Processes that
    begin meanwhile wait until the folders are out of the way.

    Args:
        root: Of the store.
        keep: ``name/key`` of stages that stay, too, with all that they were computed from.
        remove: Whether to remove them; else they are only returned.

    Returns:
        The stages that were removed.
    """
    removed = []
    with clear_disk_errors(f"the store at {root}", "ask its owner"):
        with gate(root):
            stages = list_stages(root)
            inputs = {s.place: _inputs(s.folder) for s in stages if s.finished}
            kept: set[str] = set()
            waiting = [*keep, *(stage.place for stage in stages if stage.in_use)]
            while waiting:
                place = waiting.pop()
                if place not in kept:
                    kept.add(place)
                    waiting += inputs.get(place, ())
            for stage in stages:
                if stage.place in kept:
                    continue
                with _locked(stage.folder) as free:
                    if not free:
                        continue
                    removed.append(stage)
                    for folder in (stage.folder, unfinished(stage.folder)):
                        if remove and folder.is_dir():
                            target = _free_name(root / REMOVED / folder.name)
                            target.parent.mkdir(exist_ok=True)
                            folder.rename(target)
            if remove:
                forget_dead_uses(root)
        if remove and (root / REMOVED).is_dir():
            shutil.rmtree(root / REMOVED)
    return removed


def _places(root: Path) -> list[Path]:
    """Return where every stage is, or will be once it is finished."""
    found = set()
    for name in root.iterdir():
        if name.name.startswith(".") or name.name == "cache" or name.is_symlink():
            continue
        for folder in name.iterdir() if name.is_dir() else ():
            key = folder.name.removesuffix(".partial")
            if len(key) == _KEY_DIGITS and folder.is_dir() and not folder.is_symlink():
                found.add(folder.with_name(key))
    return sorted(found)


def _inputs(folder: Path) -> set[str]:
    """Return ``name/key`` of what a stage was computed from; none if that can't be read."""
    try:
        keys = read_description(folder)["inputs"].values()
    except UserError:
        return set()
    root = folder.parents[1]
    return {f"{p.parent.name}/{key}" for key in keys for p in root.glob(f"*/{key}") if p.is_dir()}


def _dependents(place: str, inputs: dict[str, set[str]]) -> set[str]:
    direct = {other for other, of_other in inputs.items() if place in of_other}
    return direct.union(*(_dependents(other, inputs) for other in direct))


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Yield whether nobody computes the stage; nobody begins to inside the block."""
    try:
        held = FileLock(lock_file(folder)).acquire(timeout=0)
    except Timeout:
        yield False
        return
    with held:
        yield True


def _free_name(path: Path) -> Path:
    number = 0
    while (free := path.with_name(f"{path.name}-{number}" if number else path.name)).exists():
        number += 1
    return free
