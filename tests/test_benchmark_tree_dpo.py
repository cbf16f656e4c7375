"""The benchmark of TreeDPO still compares: it reaches into TRL's trainer, which may change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

pytest.importorskip("trl", reason="TRL comes with the extra dev")

FIRST = (
    "you are in the middle of a room . your task is to : examine the mug 1 with the desklamp 1 ."
)
LOOK = Step("", "go to desk 1", "on the desk 1 , you see a desklamp 1 , and a mug 1 .")
TAKE = Step("i see a mug 1 .", "take mug 1 from desk 1", "you pick up the mug 1 .")
USE = Step("", "use desklamp 1", "you turn on the desklamp 1 .")
WAIT = Step("", "look", "you are in the middle of a room .")
BED = Step("", "go to bed 1", "on the bed 1 , you see a pillow 1 .")
PLAYED = (  # two of six solve it; they and the failures diverge at four places
    (LOOK, TAKE, USE),
    (LOOK, TAKE, WAIT),
    (LOOK, WAIT, WAIT),
    (WAIT, LOOK, TAKE, USE),
    (WAIT, LOOK, BED),
    (BED, WAIT),
)


@pytest.fixture
def _threads() -> Iterator[None]:
    """Leave torch its threads: the benchmark takes one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_threads")
def test_it_runs_and_all_three_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison itself checks that losses and gradients are equal."""
    from benchmarks import tree_dpo

    task = Task("a task", "train", "look", "examine the mug 1")
    trajectories = []
    for sample, steps in enumerate(PLAYED):
        won = steps[-1] is USE
        trajectories.append(Trajectory(task, FIRST, steps, float(won), won, won, sample=sample))
    write_trajectories(tmp_path / "episodes.jsonl", trajectories)
    options = {"trajectories": tmp_path / "episodes.jsonl", "model": "tiny", "repeats": 1}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    monkeypatch.setattr("sys.argv", ["tree_dpo.py", *arguments, "--all-pairs-only"])
    tree_dpo.main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    [row] = said["rows"]
    assert said["ratio"] == row["ratio_to_trl"] > 0
    assert (row["trees"], row["pairs"]) == (1, 6)
    assert row["tree_tokens"] < row["pair_tokens"]
