"""Numbers and paths in lines that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tratree.words import counted, from_here, nearest


def test_one_has_no_plural() -> None:
    assert counted(1, "tree") == "1 tree"
    assert counted(0, "tree") == "0 trees"
    assert counted(2400, "trajectory", "trajectories") == "2,400 trajectories"
    assert counted(1, "trajectory", "trajectories") == "1 trajectory"


def test_a_path_below_this_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "outputs" / "first") == Path("outputs/first")
    assert from_here(tmp_path.parent / "other") == tmp_path.parent / "other"
    assert from_here(Path("multirun")) == Path("multirun")


def test_the_nearest_name_is_asked_for() -> None:
    assert nearest("ruogh", ["rough", "rings"]) == ": did you mean rough?"
    assert nearest("zebra", ["rough", "rings"]) == ""
    assert nearest("rnu", ["run", "view"]) == ": did you mean run?"
