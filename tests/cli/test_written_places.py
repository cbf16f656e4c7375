"""Places that a command is to write to are looked at before it works, and its source stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tratree.cli import convert, evaluate, export, panel, publish_trees
from tratree.errors import UserError
from tratree.trajectory import Step, Task, Trajectory, write_trajectories


@pytest.fixture
def source(tmp_path: Path) -> Path:
    step = Step("", "look", "A room.")
    folder = tmp_path / "source"
    folder.mkdir()
    told = Trajectory(Task("t", "train", "k", "do"), "start", (step,), 1.0, True, True)
    write_trajectories(folder / "ours.jsonl", [told])
    return folder


def test_a_source_is_not_replaced_nor_added_to(source: Path) -> None:
    file = source / "ours.jsonl"
    before = file.read_bytes()
    link = source.parent / "link.jsonl"
    link.symlink_to(file)
    for read, written in ((file, file), (file, link), (source, source / "again.jsonl")):
        with pytest.raises(UserError, match="choose another place to write to"):
            convert.main([str(read), str(written)])
    assert file.read_bytes() == before
    assert list(source.iterdir()) == [file]
    convert.main([str(file), str(source.parent / "again.jsonl")])
    assert (source.parent / "again.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (export.main, ["."]),
        (publish_trees.main, [".", "org/name"]),
        (evaluate.main, ["package:models/tiny/weak", "env=webshop"]),
        (panel.main, []),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_first(main, arguments: list[str]) -> None:
    with pytest.raises(UserError, match=r"\A--out=/proc/nowhere.* can't be written"):
        main([*arguments, "--out", "/proc/nowhere/x"])
