"""Trees and pairs one at a time: the same bytes as all at once, in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from benchmarks import streaming
from tests.tree.tree_examples import trajectory
from tratree.errors import UserError
from tratree.stages import trees as trees_stage
from tratree.stages.pairs import iterate_pairs
from tratree.trajectory.jsonl import canonical_json, iterate_trajectories, write_trajectories
from tratree.tree.forest_file import iterate_trees, load_trees, save_trees
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees_stage, "AT_A_TIME", 10)


def trees(count: int) -> list[TrajectoryTree]:
    attempts = [
        trajectory([["", "look", "A room."], ["", "wait", "Später… \u2028"]], 1),
        trajectory([["", "look", "A room."]], 0, sample=1),
    ]
    return [build_tree(attempts, similarity=ExactText())] * count


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_file_is_what_numpy_writes(tmp_path: Path, count: int) -> None:
    forest = trees(count)
    save_trees(tmp_path / "ours.npz", iter(forest))
    links = {
        name: np.concatenate([np.empty(0, np.int32), *(getattr(t, name) for t in forest)])
        for name in ("parent", "action_id", "step_node")
    }
    texts = [
        {"actions": t.actions, "trajectories": [each.to_json() for each in t.trajectories]}
        for t in forest
    ]
    lines = "".join(f"{canonical_json(of_tree)}\n" for of_tree in texts).encode()
    with (tmp_path / "numpys.npz").open("wb") as file:
        np.savez_compressed(
            file,
            format=np.int32(2),
            node_start=np.cumsum([0, *(len(t.parent) for t in forest)]),
            step_start=np.cumsum([0, *(len(t.step_node) for t in forest)]),
            texts=np.frombuffer(lines, np.uint8),
            **links,
        )
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpys.npz").read_bytes()
    assert sum(1 for _ in iterate_trees(tmp_path / "ours.npz")) == count
    assert {path.name for path in tmp_path.iterdir()} == {"ours.npz", "numpys.npz"}


def test_damage_is_an_error_at_the_latest_with_the_last_tree(tmp_path: Path) -> None:
    save_trees(tmp_path / "trees.npz", trees(3))
    content = bytearray((tmp_path / "trees.npz").read_bytes())
    middle = content.index(b"texts.npy") + 40
    content[middle] ^= 0xFF
    (tmp_path / "trees.npz").write_bytes(content)
    with pytest.raises(UserError, match="not an intact file of trees"):
        load_trees(tmp_path / "trees.npz")


def test_memory_does_not_grow_with_the_number_of_trees(tmp_path: Path) -> None:
    peaks = []
    for count in (300, 1200):
        root = tmp_path / str(count)
        write_trajectories(root / "explored" / "episodes.jsonl", streaming.made_up(count))
        tracemalloc.start()
        for name in ("trees", "pairs"):
            streaming.run(name, root)
        assert sum(1 for _ in iterate_pairs(root / "pairs", root / "trees"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_a_cut_file_is_refused_before_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    write_trajectories(path, streaming.made_up(12))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut off"):
        next(iterate_trajectories(path))
