"""Files that others read: never half written, and with the permissions of their folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file so that `path` is never seen half written; its folder is made if needed.

    Raises:
        OSError: If it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def share_as_folder(folder: Path) -> None:
    """Let the files in `folder` be read and written by whom the folder lets do that.

    safetensors writes files that only their owner can read, whatever the umask.
    """
    wanted = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o666 != wanted:
            path.chmod(wanted)
