"""Trajectories rebuilt from nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.merge import build_tree
from tratree.tree.paths import path_trajectory
from tratree.tree.similarity import ExactText


@given(trajectories())
def test_a_single_trajectory_comes_back(attempts):
    attempt = attempts[0]
    tree = build_tree([attempt], similarity=ExactText())
    rebuilt = path_trajectory(tree, tree.trajectory_nodes(0))
    assert rebuilt == replace(attempt, sample=0, source="tree")


def test_texts_and_tokens_come_from_the_best_trajectory():
    worse = trajectory([["Hm.", "look", "A room."], ["", "wait", "It is late."]], 0, sample=1)
    better = trajectory([["Aha.", "look", "A room."]], 1, sample=2)
    tree = build_tree([worse, better], similarity=ExactText())
    rebuilt = path_trajectory(tree, [0, 1, 2])
    assert rebuilt.steps == (better.steps[0], worse.steps[1])


def test_score_success_and_finish_are_those_at_the_end():
    steps = [["", "look", "A room."], ["", "wait", "It is late."]]
    attempts = [trajectory(steps, 0, sample=1), trajectory(steps, 1), trajectory(steps[:1], 0.25)]
    tree = build_tree(attempts, similarity=ExactText())
    end = path_trajectory(tree, [0, 1, 2])
    assert (end.score, end.success, end.finished) == (0.5, True, True)
    inside = path_trajectory(tree, [0, 1])
    assert (inside.score, inside.success, inside.finished) == (0.25, False, False)
    cut = path_trajectory(tree, [0])
    assert (cut.score, cut.success, cut.finished) == (pytest.approx(1.25 / 3), False, False)


@pytest.mark.parametrize("nodes", [[], [1], [0, 2], [0, 1, 7], [0, -1], [1, 0]])
def test_what_is_no_path(nodes):
    steps = [["", "look", "A room."], ["", "wait", "It is late."]]
    tree = build_tree([trajectory(steps, 1)], similarity=ExactText())
    with pytest.raises(UserError, match="not a path"):
        path_trajectory(tree, nodes)
