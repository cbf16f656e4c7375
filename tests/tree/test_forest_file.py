"""Saving and loading trees."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.forest_file import load_trees, save_trees
from tratree.tree.merge import build_tree
from tratree.tree.similarity import CharacterNgrams, ExactText
from tratree.tree.types import TrajectoryTree


@settings(max_examples=60)
@given(st.lists(trajectories(), max_size=3))
def test_round_trip(tmp_path_factory, tasks):
    folder = tmp_path_factory.mktemp("round")
    trees = [build_tree(attempts, similarity=CharacterNgrams()) for attempts in tasks]
    save_trees(folder / "a.npz", trees)
    loaded = load_trees(folder / "a.npz")
    for tree, again in zip(trees, loaded, strict=True):
        for field in fields(TrajectoryTree):
            before, after = getattr(tree, field.name), getattr(again, field.name)
            if isinstance(before, np.ndarray):
                assert before.dtype == after.dtype
                assert np.array_equal(before, after)
            else:
                assert before == after
    save_trees(folder / "b.npz", loaded)
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


@pytest.fixture
def saved(tmp_path):
    attempts = [
        trajectory([["", "look", "A room."], ["", "wait", "Später… \u2028"]], 1),
        trajectory([["", "look", "A room."]], 0, sample=1),
    ]
    tree = build_tree(attempts, similarity=ExactText())
    save_trees(tmp_path / "trees.npz", [tree, tree])
    return tmp_path / "trees.npz"


def test_no_time_in_the_file(saved):
    with zipfile.ZipFile(saved) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_truncated_file(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), 37):
        saved.write_bytes(content[:length])
        with pytest.raises(UserError, match="not an intact file of trees") as raised:
            load_trees(saved)
        assert "\n" not in str(raised.value)


def test_flipped_bytes_never_escape(saved):
    content = saved.read_bytes()
    for position in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        saved.write_bytes(damaged)
        with suppress(UserError):
            assert [tree.visits[0] for tree in load_trees(saved)] == [2, 2]


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="there are no trees"):
        load_trees(tmp_path / "trees.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"parent": [-1, 0, 2, -1, 0, 1]},
        {"parent": [-1, 0, 1, -1, 0]},
        {"parent": [-1, 0, 1, 1, -1, 0]},
        {"parent": [-1, 0, 1, -1, 0, -7]},
        {"action_id": [-1, 0, 1, -1, 0, 9]},
        {"step_node": [1, 2, 1, 1, 2, 2]},
        {"step_node": [1, 2, 1, 1, 2]},
        {"step_node": [1, 2, 1, 1, 99, 1]},
        {"node_start": [0, 2, 6]},
        {"node_start": [0, 6, 3]},
        {"node_start": [0, 6]},
        {"node_start": [0, 0, 6]},
        {"step_start": [0, 3, 3]},
        {"step_start": []},
        {"step_start": 0},
        {"format": 1},
        {"parent": np.array([-1.0, 0.0, 1.0, -1.0, 0.0, 1.0])},
        {"parent": np.array([None] * 6, dtype=object)},
    ],
)
def test_contradictions_never_reach_compiled_code(saved, change):
    with np.load(saved) as arrays:
        content = dict(arrays)
    content.update(
        {k: v if isinstance(v, np.ndarray) else np.array(v, np.int32) for k, v in change.items()}
    )
    np.savez(saved, **content)
    with pytest.raises(UserError, match="not an intact file of trees") as raised:
        load_trees(saved)
    assert "\n" not in str(raised.value)
