"""Saving and loading trees."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from tree_examples import trajectories, trajectory

from tratree.errors import UserError
from tratree.tree.merge import build_tree
from tratree.tree.similarity import CharacterNgrams, ExactText
from tratree.tree.types import TrajectoryTree


@settings(deadline=None, max_examples=60)
@given(trajectories())
def test_round_trip(tmp_path_factory, given_trajectories):
    folder = tmp_path_factory.mktemp("round")
    tree = build_tree(given_trajectories, similarity=CharacterNgrams())
    tree.save(folder / "a.npz")
    loaded = TrajectoryTree.load(folder / "a.npz")
    for field in fields(TrajectoryTree):
        before, after = getattr(tree, field.name), getattr(loaded, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after
    loaded.save(folder / "b.npz")
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


@pytest.fixture
def saved(tmp_path):
    attempts = [
        trajectory([["", "look", "A room."], ["", "wait", "Später… \u2028"]], 1),
        trajectory([["", "look", "A room."]], 0, sample=1),
    ]
    build_tree(attempts, similarity=ExactText()).save(tmp_path / "tree.npz")
    return tmp_path / "tree.npz"


def test_no_time_in_the_file(saved):
    with zipfile.ZipFile(saved) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_truncated_file(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), 37):
        saved.write_bytes(content[:length])
        with pytest.raises(UserError, match="not an intact tree") as raised:
            TrajectoryTree.load(saved)
        assert "\n" not in str(raised.value)


def test_flipped_bytes_never_escape(saved):
    content = saved.read_bytes()
    for position in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        saved.write_bytes(damaged)
        with suppress(UserError):
            assert TrajectoryTree.load(saved).visits[0] == 2


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="there is no tree"):
        TrajectoryTree.load(tmp_path / "tree.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"parent": [-1, 0, 2]},
        {"parent": [-1, 0]},
        {"parent": [-1, 0, 1, 1]},
        {"parent": [-1, 0, -7]},
        {"action_id": [-1, 0, 9]},
        {"step_node": [1, 2, 2]},
        {"step_node": [1, 2]},
        {"step_node": [1, 99, 1]},
        {"format": 99},
        {"parent": np.array([-1.0, 0.0, 1.0])},
        {"parent": np.array([None, None, None], dtype=object)},
    ],
)
def test_contradictions_never_reach_compiled_code(saved, change):
    with np.load(saved) as arrays:
        content = dict(arrays)
    content.update(
        {k: v if isinstance(v, np.ndarray) else np.array(v, np.int32) for k, v in change.items()}
    )
    np.savez(saved, **content)
    with pytest.raises(UserError, match="not an intact tree") as raised:
        TrajectoryTree.load(saved)
    assert "\n" not in str(raised.value)
