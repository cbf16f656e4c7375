"""Leftovers of killed processes in the temporary folder are removed at the next start."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.programs import start_program
from tratree.leftovers import clear_dead_files, clear_dead_sockets, owned_file

LOADING = """
import os, signal
from tratree.leftovers import owned_file
with owned_file("mine-", ".so") as file:
    print(file.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_files_of_dead_processes_go_and_those_of_living_ones_stay(temporary: Path) -> None:
    program = start_program(LOADING, temporary / "program.py")
    said, errors = program.communicate()
    assert program.returncode == -signal.SIGKILL, errors
    left = Path(said.strip())
    assert left.exists()
    (temporary / "mine-link.so").symlink_to(temporary / "program.py")
    with owned_file("mine-", ".so") as file:
        clear_dead_files("mine-", ".so")
        assert Path(file.name).exists()
        assert not left.exists()
    assert not list(temporary.glob("mine-[!l]*"))
    assert (temporary / "program.py").exists()


def test_old_folders_of_sockets_go(temporary: Path) -> None:
    for name in ("pymp-old", "pymp-new"):
        (temporary / name).mkdir()
    os.utime(temporary / "pymp-old", (0, 0))
    clear_dead_sockets()
    assert [path.name for path in temporary.glob("pymp-*")] == ["pymp-new"]
