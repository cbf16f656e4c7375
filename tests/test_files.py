"""Files that others read."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tratree.files import disk_reason, share_as_folder, write_atomically


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, [b"first ", b"content"])

    def breaks_off() -> Iterator[bytes]:
        yield b"second "
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, breaks_off())
    assert path.read_bytes() == b"first content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o644), (0o770, 0o660)])
def test_files_are_shared_as_their_folder_is(
    tmp_path: Path, folder_mode: int, file_mode: int
) -> None:
    path = tmp_path / "shared" / "below" / "weights"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    os.chmod(tmp_path / "shared", folder_mode)
    share_as_folder(tmp_path / "shared")
    assert path.stat().st_mode & 0o777 == file_mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_named_with_him() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        theirs = Path(place, "theirs")
        theirs.mkdir(mode=0o700)
        told, tell = os.pipe()
        if os.fork() == 0:
            os.setuid(65534)
            refusal = PermissionError(
                errno.EACCES, "Permission denied", str(theirs / "games" / "a")
            )
            os.write(tell, disk_reason(refusal).encode())
            os._exit(0)
        os.wait()
        said = os.read(told, 10_000).decode()
    assert f"{theirs} belongs to user root, who can let others in with `chmod -R a+rwX" in said
