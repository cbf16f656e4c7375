"""Files that others read: whole, never through a link, with the permissions of their folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pwd
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tratree.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a full disk; the last one comes from a limit on the size of files."""

SETTLED_NS = 2 * 10**9
"""Age of a file above which another write can't have the same time."""


def write_atomically(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file so that `path` is never seen half written; its folder is made if needed.

    A link in its place is replaced, and what it points to is left alone.

    Raises:
        OSError: If it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    unfinished.unlink(missing_ok=True)
    try:
        with unfinished.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, data: Any, *, indent: int = 1, sort_keys: bool = False) -> None:
    """Write data as a JSON text, as `write_atomically` does."""
    text = json.dumps(data, indent=indent, sort_keys=sort_keys, ensure_ascii=False)
    write_atomically(path, [text.encode() + b"\n"])


def user_cache() -> Path:
    """Return the folder of what is cheap to lose and kept for this user; it may not exist.

    Raises:
        RuntimeError: If the user has no home.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "tratree")


def file_digest(path: str | Path) -> bytes:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: If it can't be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all below `folder` except folders, in the order of names; links are not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry.path))
        else:
            yield Path(entry.path)


def is_own_file(path: Path) -> bool:
    """Return whether `path` is a regular file of one name: neither a link nor the target of one."""
    state = path.lstat()
    return stat.S_ISREG(state.st_mode) and state.st_nlink == 1


def share_as_folder(folder: Path) -> None:
    """Let all below `folder` be read and written by whom the folder lets do that.

    Files and folders have the umask of who made them, and safetensors writes files that only their
    owner can read, whatever it is. What links in the folder point to is left alone, as is what
    belongs to others.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    for name, below, files in os.walk(folder):
        for path in (Path(name, other) for other in (*below, *files)):
            if path.is_symlink() or not (path.is_dir() or is_own_file(path)):
                continue
            wanted = mode if path.is_dir() else mode & 0o666
            state = path.stat()
            if stat.S_IMODE(state.st_mode) != wanted and state.st_uid == os.getuid():
                path.chmod(wanted)


def make_shared(folder: Path, root: Path) -> None:
    """Make a folder below `root` that lets in whom `root` lets in, whatever the umask.

    `root` itself is made with the umask.

    Raises:
        OSError: If it can't be made.
    """
    if not root.exists():
        root.mkdir(parents=True, exist_ok=True)
    if folder != root and not folder.is_dir():
        make_shared(folder.parent, root)
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(stat.S_IMODE(root.stat().st_mode))


def mode_of_files(folder: Path) -> int:
    """Return the permissions of files that whom `folder` lets in may read and write."""
    return folder.stat().st_mode & 0o666


@contextmanager
def clear_disk_errors(place: str, advice: str) -> Iterator[None]:
    """Turn the errors of a disk that is full or refuses into a `UserError` of one line.

    `place` names what is written, such as ``the store at /data/store``; `advice` says where else it
    could be.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.errno in FULL:
            check_output()
            raise UserError(_no_space(place, advice)) from error
        if error.errno in _REFUSED:
            raise UserError(f"cannot write {place} ({disk_reason(error)}): {advice}") from error
        raise
    except Exception as error:  # libraries in Rust or in other processes tell it as a text
        if any(os.strerror(code) in str(error) for code in FULL):
            raise UserError(_no_space(place, advice)) from error
        raise


def check_output() -> None:
    """Check, after an error, whether something can still be printed.

    If not, what was not printed is dropped, so that the interpreter does not try again at its end.

    Raises:
        BrokenPipeError: If nobody reads it any more, as in ``tratree settings | head``.
        UserError: If it can't be written.
    """
    try:
        print(flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise UserError(f"the output can't be written: {error.strerror}") from error


def disk_reason(error: OSError, path: str | Path | None = None) -> str:
    """Say why the disk refuses, and who can change it, where the path belongs to another user.

    `path` is the one that was asked for, where the error does not name it.
    """
    named = error.filename or path
    reason = error.strerror or str(error)
    if named is None or isinstance(named, int):
        return reason
    said = f"{reason}: {os.fsdecode(named)}" if path is None else reason
    barred = _barred(Path(os.fsdecode(named)).absolute())
    if error.errno not in (errno.EACCES, errno.EPERM) or barred is None:
        return said
    owner = barred.lstat().st_uid
    name = _user_name(owner)
    return (
        f"{said}; {barred} belongs to {name}, who can let others in with `chmod -R a+rwX {barred}`"
    )


def _barred(path: Path) -> Path | None:
    """Return the first folder or file on the way to `path` that bars us and is another user's."""
    for part in (*reversed(path.parents), path):
        wanted = os.R_OK | os.W_OK if part in (path, path.parent) else 0
        if not os.path.lexists(part):
            return None
        if not os.access(part, wanted | (os.X_OK if part.is_dir() else 0)):
            return part if part.lstat().st_uid != os.geteuid() else None
    return None


def _user_name(user: int) -> str:
    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def _no_space(place: str, advice: str) -> str:
    return (
        f"no space left for {place}: free some, or {advice}, and run the same command again; "
        "finished work is kept"
    )
