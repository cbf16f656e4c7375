"""Importing ALFWorld's package leaves ALFWORLD_DATA, and the disk, as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "import os, tratree.envs.registry; print(os.environ.get('ALFWORLD_DATA'))"


@pytest.mark.parametrize("mistyped", ["nowhere", "/proc/none", None])
def test_nothing_is_made_and_nothing_is_set(tmp_path: Path, mistyped: str | None) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("ALFWORLD_DATA", None)
    if mistyped:
        environment["ALFWORLD_DATA"] = str(tmp_path / mistyped)
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == environment.get("ALFWORLD_DATA", "None")
    assert not list(tmp_path.rglob("*"))
