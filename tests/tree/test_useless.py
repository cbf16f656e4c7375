"""Pairs against actions that changed nothing."""

from __future__ import annotations

from hypothesis import given, settings

from tests.tree.tree_examples import trajectories, trajectory
from tratree.tree.information_states import by_history, merge_states
from tratree.tree.merge import build_tree
from tratree.tree.paths import pair_trajectories
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree
from tratree.tree.useless import useless_pairs

DESK = ["", "go desk", "A desk."]
FAILURE = trajectory([DESK, ["", "look", "A desk."], ["", "go shelf", "A shelf."]], 0)
OTHER = trajectory([DESK, ["", "open door", "A door."]], 0, sample=1)


def graph_of(attempts: list) -> TrajectoryTree:
    (tree,) = merge_states([build_tree(attempts, similarity=ExactText())], [None])
    return tree


def test_a_tree_without_success_teaches_what_is_useless():
    tree = graph_of([FAILURE, OTHER])
    (pair,) = (pair_trajectories(tree, found) for found in useless_pairs(tree))
    assert [step.action for step in pair.rejected.steps] == ["go desk", "look"]
    assert [step.action for step in pair.chosen.steps] == ["go desk", "open door"]
    assert useless_pairs(by_history(tree)) == []


@settings(max_examples=20)
@given(trajectories())
def test_the_rejected_step_leads_back_and_the_chosen_one_does_not(attempts):
    tree = graph_of(attempts)
    pairs = useless_pairs(tree)
    for pair in pairs:
        state = tree.state[pair.prefix[-1]]
        assert tree.state[pair.rejected[0]] == state != tree.state[pair.chosen[0]]
        assert tree.is_walk(pair.prefix + pair.rejected)
        assert tree.is_walk(pair.prefix + pair.chosen)
    few = useless_pairs(tree, max_pairs_per_divergence=1)
    assert len(few) == len({tree.state[pair.prefix[-1]] for pair in pairs})
    assert useless_pairs(tree, max_pairs_per_task=1) == few[:1]
