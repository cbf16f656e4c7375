"""The manifest of a finished stage: size and digest of every file, so that damage is noticed.

It is written before the stage appears. `timing.json`, which no result depends on, is not in it. A
stage that was stored before there were manifests is given one when it is first read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.files import file_digest, files_below, mode_of_files, write_json
from tratree.store.finished import (
    DESCRIPTION,
    TIMING,
    how_to_repair,
    read_description,
)
from tratree.store.stage import key_of

MANIFEST = "manifest.json"
NOT_LISTED = (MANIFEST, TIMING)

SMALL = 1 << 22
"""Most bytes of a file that is read at every check; larger ones are read once for each state."""


class FileEntry(TypedDict):
    """The state of a file when it was stored."""

    size: Annotated[int, Ge(0)]
    sha256: str


Manifest = dict[str, FileEntry]
"""Files, by path relative to the stage's folder, with slashes."""

State = list[int]
"""Signs that a file was not written since: size, both times in nanoseconds, and inode."""


def write_manifest(folder: Path, checked: Path | None = None) -> None:
    """List all files of a stage that is complete.

    Args:
        folder: Of the stage, finished or about to be.
        checked: File that notes that the large files need no second look; see `find_damage`.

    Raises:
        UserError: If the folder holds a link, a device or the like, which no stage writes.
    """
    files, states = _list(folder)
    write_json(folder / MANIFEST, files, sort_keys=True)
    (folder / MANIFEST).chmod(mode_of_files(folder))
    if checked is not None:
        _note(checked, files, {n: s for n, s in states.items() if files[n]["size"] > SMALL})


def _list(folder: Path) -> tuple[Manifest, dict[str, State]]:
    files: Manifest = {}
    states: dict[str, State] = {}
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if name in NOT_LISTED:
            continue
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UserError(f"{path} is a link, which no stage writes: remove it")
        files[name] = {"size": path.stat().st_size, "sha256": file_digest(path).hex()}
        states[name] = _state(path.stat())
    return files, states


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a finished stage.

    Raises:
        FileNotFoundError: If it has none.
        UserError: If it is damaged.
    """
    if (folder / MANIFEST).is_symlink():
        raise UserError(f"{folder / MANIFEST} is a link: {how_to_repair(folder)}")
    manifest: Manifest = read_json(folder / MANIFEST, Manifest, how_to_repair(folder))
    return manifest


def verify(folder: Path, checked: Path | None = None) -> Manifest:
    """Check that a finished stage still holds what was computed; return its manifest.

    `checked` is as of `find_damage`.

    Raises:
        UserError: If it does not; names the stage and what to do.
    """
    damage = find_damage(folder, checked)
    if damage:
        raise UserError(
            f"stage {folder.parent.name} {folder.name} is damaged ({damage}): "
            f"{how_to_repair(folder)}"
        )
    try:
        return read_manifest(folder)
    except FileNotFoundError:  # the store can't be written
        return _list(folder)[0]


def find_damage(folder: Path, checked: Path | None = None) -> str | None:
    """Return what is wrong with a finished stage, in words; None if nothing is.

    `checked` is a file outside the stage that remembers which states of large files were read and
    found right; without it all files are read.
    """
    try:
        if key_of(read_description(folder)) != folder.name:
            return f"its {DESCRIPTION} is of another stage"
        try:
            manifest = read_manifest(folder)
        except FileNotFoundError:
            with suppress(OSError):  # the store may be one that can only be read
                write_manifest(folder, checked)
            return None
    except UserError as error:
        return str(error).removesuffix(f": {how_to_repair(folder)}")
    known = _known(checked, manifest)
    states: dict[str, State] = {}
    found = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    for name, entry in manifest.items():
        path = found.pop(name, None)
        if path is None:
            return f"{name} is missing"
        if not stat.S_ISREG(path.lstat().st_mode):
            return f"{name} is a link"
        if path.stat().st_size != entry["size"]:
            return f"{name} has {path.stat().st_size} bytes, not {entry['size']}"
        states[name] = _state(path.stat())
        seen = entry["size"] > SMALL and known.get(name) == states[name]
        if not seen and file_digest(path).hex() != entry["sha256"]:
            return f"the content of {name} has changed"
    # Droppings of systems and editors are hidden; anything else could be taken for a result.
    foreign = [n for n, p in found.items() if n not in NOT_LISTED and not p.name.startswith(".")]
    if foreign:
        return f"{foreign[0]} is not its own"
    large = {name: state for name, state in states.items() if manifest[name]["size"] > SMALL}
    if checked is not None and any(known.get(name) != state for name, state in large.items()):
        _note(checked, manifest, large)
    return None


def checked_file(folder: Path) -> Path:
    """Return the file that remembers what was checked of the finished stage in `folder`."""
    return folder.parents[1] / "cache" / "checked" / folder.parent.name / f"{folder.name}.json"


class _Checked(TypedDict):
    manifest: str
    states: dict[str, State]


def _known(checked: Path | None, manifest: Manifest) -> Mapping[str, State]:
    if checked is None:
        return {}
    try:
        noted: _Checked = read_json(checked, _Checked, "")
    except (FileNotFoundError, NotADirectoryError, UserError):
        return {}
    return noted["states"] if noted["manifest"] == _identity(manifest) else {}


def _note(checked: Path, manifest: Manifest, states: Mapping[str, State]) -> None:
    if states:
        with suppress(OSError):  # it only saves time
            write_json(checked, {"manifest": _identity(manifest), "states": states})


def _identity(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _state(state: os.stat_result) -> State:
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
