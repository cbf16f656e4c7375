"""The commit that a run is started with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tratree.runs.starts import read_commit


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("train.py", True),
        ("experiments/theory/bound.py", True),
        ("experiments/theory/bound.json", False),
        ("experiments/main_table/README.md", False),
        ("README.md", True),
    ],
)
def test_changes_are_marked_but_for_results(tmp_path: Path, changed: str, counts: bool) -> None:
    file = tmp_path / changed
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("before")
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    clean = read_commit(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    file.write_text("after")
    assert read_commit(tmp_path) == (f"{clean} with changes" if counts else clean)
