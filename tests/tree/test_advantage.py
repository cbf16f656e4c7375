"""Steps that made progress."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.tree.tree_examples import trajectories, trajectory
from tratree.tree.advantage import DISCOUNT, step_advantages, with_progress
from tratree.tree.information_states import merge_states
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree

SHELF, DESK = ["", "go shelf", "A shelf."], ["", "go desk", "A desk."]
PEN = ["", "take pen", "A pen."]


def tree_of(*attempts: list, scores: tuple[float, ...]) -> TrajectoryTree:
    made = [
        trajectory(steps, score, sample=n)
        for n, (steps, score) in enumerate(zip(attempts, scores, strict=True))
    ]
    return build_tree(made, similarity=ExactText())


def targets(tree: TrajectoryTree) -> list[list[str]]:
    return [[s.action for s in t.steps if s.trained] for t in with_progress(tree)]


def test_by_hand() -> None:
    tree = tree_of([DESK, PEN], [DESK, SHELF], scores=(1, 0))
    found = {tree.actions[tree.action_id[n]]: v for n, v in enumerate(step_advantages(tree)) if n}
    assert found == {
        "go desk": pytest.approx(DISCOUNT - DISCOUNT**2),
        "take pen": pytest.approx(1 - DISCOUNT),
        "go shelf": pytest.approx(-DISCOUNT),
    }
    assert targets(tree) == [["go desk", "take pen"]]


def test_a_step_without_effect_makes_progress_by_history_alone() -> None:
    look = ["", "look", "A desk."]
    tree = tree_of([DESK, look, PEN], scores=(1,))
    assert targets(tree) == [["go desk", "look", "take pen"]]
    (graph,) = merge_states([tree], [["start", "desk", "desk", "solved"]])
    assert targets(graph) == [["go desk", "take pen"]]


def test_failures_teach_what_led_to_where_successes_were() -> None:
    """A failure finds the desk by way of the shelf; from there a success took the pen."""
    tree = tree_of([DESK, SHELF, DESK, PEN], [SHELF, DESK, SHELF], scores=(1, 0))
    keys = ["start", *("" for _ in tree.parent[1:])]
    places = {"A shelf.": "shelf", "A desk.": "desk", "A pen.": "solved"}
    for node in range(1, len(keys)):
        keys[node] = places[tree.observations[tree.observation_id[node]]]
    (graph,) = merge_states([tree], [keys])
    by_failure = [t for t in with_progress(graph) if not t.success]
    assert [[s.action for s in t.steps if s.trained] for t in by_failure] == [
        ["go shelf", "go desk"]
    ]
    without = with_progress(graph, failures=False)
    assert without == [t for t in with_progress(graph) if t.success]


def test_partial_scores_are_no_success() -> None:
    assert targets(tree_of([DESK], [SHELF], scores=(0.5, 0))) == []


@settings(max_examples=30)
@given(trajectories(scores=(0.0, 1.0)))
def test_each_node_is_a_target_at_most_once_and_none_without_a_success(attempts) -> None:
    tree = build_tree(attempts, similarity=ExactText())
    found = with_progress(tree)
    trained = sum(step.trained for t in found for step in t.steps)
    assert trained == int((step_advantages(tree) > 0).sum())
    # Where a success ends without a step, no step is progress.
    assert not found or any(t.success and t.steps for t in attempts)
