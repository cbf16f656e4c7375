"""Files that killed processes left in the temporary folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_SOCKET_FOLDERS = "pymp-*"
_OLD_SECONDS = 3600.0


@contextmanager
def owned_file(prefix: str, suffix: str) -> Iterator[IO[bytes]]:
    """Make a temporary file that is gone after the block, or else with `clear_dead_files`.

    Raises:
        OSError: If the temporary folder doesn't allow it.
    """
    while True:
        with tempfile.NamedTemporaryFile(prefix=prefix, suffix=suffix) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.exists(file.name):  # else another process took it for a dead one's
                yield file
                return
            Path(file.name).touch()  # for the end of the block to remove


def clear_dead_files(prefix: str, suffix: str) -> None:
    """Remove the files that `owned_file` made for processes that have died since."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*{suffix}"):
        with suppress(OSError):
            state = path.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_uid != os.getuid():
                continue
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while its owner lives
                path.unlink()


def clear_dead_sockets() -> None:
    """Remove the folders of `multiprocessing`'s sockets that nobody listens at any more.

    Folders younger than an hour stay: the table of sockets has this machine's processes, but not
    those in containers.
    """
    try:
        listening = Path("/proc/net/unix").read_text()
    except OSError:
        return
    for folder in Path(tempfile.gettempdir()).glob(_SOCKET_FOLDERS):
        with suppress(OSError):
            state = folder.lstat()
            old = time.time() - state.st_mtime > _OLD_SECONDS
            if stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and old:
                sockets = [path for path in folder.iterdir() if path.is_socket()]
                if not any(str(path) in listening for path in sockets):
                    shutil.rmtree(folder)
