"""Files that a user brings: told apart by what they hold, wherever they are."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tratree.errors import UserError
from tratree.files import file_digest, write_atomically

_PREFIX = "content:"
_folders: dict[str, Path] = {}
"""Folders where this process found files, by their digest."""

_digests: dict[str, str] = {}
"""Digests that this process knows, by the names, paths, sizes and times of the files."""


@dataclass(frozen=True)
class ExternalFiles:
    """Files in a folder that an environment plays on.

    Attributes:
        folder: Folder of this machine that holds them.
        files: Each one's path, by the name that tells what it is for.
    """

    folder: Path
    files: Mapping[str, str | Path]

    def digest(self, cache: Path | None) -> str:
        """Return a name for what the files hold: the same for equal files in another folder.

        Files are read only if their size or times changed since the digest was kept.

        Args:
            cache: A folder that keeps digests between processes.

        Raises:
            UserError: If a file cannot be read.
        """
        try:
            states = [_state(name, path) for name, path in sorted(self.files.items())]
            state = hashlib.sha256("\n".join(states).encode()).hexdigest()[:32]
            if state not in _digests:
                _digests[state] = _kept(cache, state) or _PREFIX + self._content()
                _keep(cache, state)
        except OSError as error:
            raise UserError(
                f"cannot read {error.filename} ({error.strerror}): correct the path or its rights"
            ) from error
        _folders[_digests[state]] = self.folder
        return _digests[state]

    def _content(self) -> str:
        content = hashlib.sha256()
        for name, path in sorted(self.files.items()):
            content.update(name.encode() + b"\0" + file_digest(path))
        return content.hexdigest()[:32]


def located(value: object) -> object:
    """Return the folder of a digest; any other value as it is.

    Raises:
        UserError: If this process has not found these files.
    """
    if not (isinstance(value, str) and value.startswith(_PREFIX)):
        return value
    if value not in _folders:
        raise UserError(
            "the external files of this stage are not known here: name their folder in the "
            "configuration, as in the run that made it"
        )
    return str(_folders[value])


def _state(name: str, path: str | Path) -> str:
    state = os.stat(path)
    times = f"{state.st_mtime_ns} {state.st_ctime_ns}"
    return f"{name} {path} {state.st_ino} {state.st_size} {times}"


def _kept(cache: Path | None, state: str) -> str | None:
    """Return a digest that was kept; None without one, or for a damaged one."""
    try:
        text = (cache / state).read_text("ascii") if cache else ""
    except (OSError, ValueError):
        return None
    return text if re.fullmatch(re.escape(_PREFIX) + "[0-9a-f]{32}", text) else None


def _keep(cache: Path | None, state: str) -> None:
    if cache is not None and not (cache / state).exists():
        with suppress(OSError):  # then it is computed again next time
            write_atomically(cache / state, [_digests[state].encode()])
