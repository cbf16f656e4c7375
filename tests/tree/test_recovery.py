"""Ways back to success from states that only failures reached."""

from __future__ import annotations

from hypothesis import given, settings

from tests.tree.tree_examples import trajectories, trajectory
from tratree.tree.information_states import by_history, merge_states
from tratree.tree.merge import build_tree
from tratree.tree.paths import path_trajectory
from tratree.tree.recovery import recoveries
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree

SHELF, DESK = ["", "go shelf", "A shelf."], ["", "go desk", "A desk."]
SOLVED = trajectory([SHELF, DESK, ["", "take pen", "A pen."]], 1)
LOST = trajectory([DESK, SHELF, DESK, SHELF], 0, sample=1)
ALSO_LOST = trajectory(
    [DESK, SHELF, ["", "wait", "A shelf."], ["", "sit", "A chair."]], 0, sample=2
)


def graph_of(attempts: list) -> TrajectoryTree:
    (tree,) = merge_states([build_tree(attempts, similarity=ExactText())], [None])
    return tree


def actions(tree: TrajectoryTree, nodes: tuple[int, ...]) -> list[str]:
    return [step.action for step in path_trajectory(tree, nodes).steps]


def test_the_way_back_starts_where_a_failure_still_could():
    tree = graph_of([SOLVED, LOST, ALSO_LOST])
    (way,) = recoveries(tree)
    assert actions(tree, way.failed) == ["go desk", "go shelf"]
    whole = path_trajectory(tree, (*way.failed, *way.back))
    assert [s.action for s in whole.steps] == ["go desk", "go shelf", "go desk", "take pen"]
    assert whole.success
    assert recoveries(by_history(tree)) == []


@settings(max_examples=20)
@given(trajectories(scores=(0.0, 1.0)))
def test_every_way_leads_from_failures_alone_to_success(attempts):
    tree = graph_of(attempts)
    solved = {
        state
        for index, walked in enumerate(tree.trajectories)
        if walked.success
        for state in tree.state[list(tree.trajectory_nodes(index))].tolist()
    }
    found = recoveries(tree)
    assert len({tree.state[way.failed[-1]] for way in found}) == len(found)
    for way in found:
        assert tree.state[way.failed[-1]] not in solved
        assert tree.is_recorded(way.failed)
        assert tree.is_walk(way.failed + way.back)
        assert int(tree.state[way.back[-1]]) in solved
    assert recoveries(by_history(tree)) == []
