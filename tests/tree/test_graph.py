"""Trees as graphs: against plain Python, and histories as the special case."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tree.tree_examples import FORESTS, forest, trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.divergence import find_pairs
from tratree.tree.forest_file import load_trees, save_trees
from tratree.tree.graph import make_graphs
from tratree.tree.information_states import by_history, merge_states
from tratree.tree.mcts import search, search_paths
from tratree.tree.merge import build_tree
from tratree.tree.path_search import find_paths
from tratree.tree.paths import pair_trajectories, path_trajectory
from tratree.tree.similarity import ExactText
from tratree.tree.statistics import tree_statistics
from tratree.tree.types import TrajectoryTree
from tratree.tree.value_iteration import shortest_paths, without_loops

ARRAYS = (
    *("state", "first_child", "next_sibling", "visits", "value_sum"),
    *("terminal_count", "terminal_score_sum", "mean_score", "terminal_mean"),
)


def graph_of(attempts: list, keys: list[str] | None = None) -> TrajectoryTree:
    (tree,) = merge_states(forest([attempts]), [keys])
    return tree


@settings(max_examples=25)
@given(FORESTS)
def test_a_tree_of_histories_is_its_own_graph(tasks):
    trees = forest(tasks)
    merged = merge_states(trees, [[str(n) for n in range(len(t.parent))] for t in trees])
    for tree, again, graph in zip(trees, merged, make_graphs(trees), strict=True):
        assert not tree.is_graph
        assert np.array_equal(again.state, tree.state)
        assert np.array_equal(graph.transition, np.arange(len(tree.parent)))
        for name in ARRAYS:
            assert np.array_equal(getattr(graph, name), getattr(tree, name)), name
        for kind in ("mcts", "value_iteration"):
            (path,) = find_paths([tree], search=kind, iterations=50)
            assert path.nodes == tree.path(path.nodes[-1])


@settings(max_examples=25)
@given(FORESTS)
def test_transitions_count_each_trajectory_once(tasks):
    trees = forest(tasks)
    for graph in make_graphs(merge_states(trees, [None] * len(trees))):
        tree, taken, ended = graph.tree, {}, {}
        for index, walked in enumerate(tree.trajectories):
            nodes = tree.trajectory_nodes(index)
            for before, node in pairwise(nodes):
                leads = tree.state[before], tree.action_id[node], tree.state[node]
                taken.setdefault(leads, set()).add(index)
                assert graph.transition[node] in graph.children(int(tree.state[before]))
            ended.setdefault(int(tree.state[nodes[-1]]), []).append(walked.score)
        transitions = [t for state in graph.states for t in graph.children(state)]
        assert len(transitions) == len(taken)
        for transition in transitions:
            before = tree.state[tree.parent[transition]]
            found = taken[before, tree.action_id[transition], tree.state[transition]]
            assert graph.visits[transition] == len(found)
            scores = [tree.trajectories[index].score for index in found]
            assert graph.value_sum[transition] == pytest.approx(sum(scores))
        assert {s: graph.terminal_count[s] for s in ended} == {s: len(e) for s, e in ended.items()}
        assert graph.terminal_count.sum() == len(tree.trajectories)


@settings(max_examples=20)
@given(st.data(), trajectories())
def test_order_changes_no_byte(tmp_path_factory, data, attempts):
    folder = tmp_path_factory.mktemp("order")
    save_trees(folder / "a.npz", [graph_of(attempts)])
    save_trees(folder / "b.npz", [graph_of(data.draw(st.permutations(attempts)))])
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()
    (loaded,) = load_trees(folder / "a.npz")
    assert np.array_equal(loaded.state, graph_of(attempts).state)


def lengths_to(tree: TrajectoryTree, score: float) -> dict[int, int]:
    """Return the fewest steps from each state to an end of a score, by breadth first search."""
    (graph,) = make_graphs([tree])
    found = {
        s: 0 for s in graph.states if graph.terminal_count[s] and graph.terminal_mean[s] == score
    }
    while True:
        more = {
            state: 1 + min(found[int(tree.state[t])] for t in reach)
            for state in graph.states
            if state not in found
            and (reach := [t for t in graph.children(state) if int(tree.state[t]) in found])
        }
        if not more:
            return found
        found |= more


@settings(max_examples=30)
@given(trajectories(scores=(0.0, 0.5, 1.0)))
def test_value_iteration_finds_the_shortest_way_to_the_highest_score(attempts):
    tree = graph_of(attempts)
    (graph,) = make_graphs([tree])
    (path,) = shortest_paths([tree])
    assert tree.is_walk(path.nodes)
    highest = max(graph.terminal_mean[s] for s in graph.states if graph.terminal_count[s])
    assert path.value == highest  # every state of a tree is reached from its root
    assert len(path.nodes) - 1 == lengths_to(tree, highest)[0]


@settings(max_examples=30)
@given(trajectories())
def test_mcts_ends_in_graphs_that_go_in_circles(attempts):
    tree = graph_of(attempts)
    (counts,) = search([tree], iterations=40)
    assert counts.visits[0] == 40
    assert counts.end_visits.sum() <= 40
    (path,) = search_paths([tree], iterations=40)
    assert tree.is_walk(path.nodes)
    states = tree.state[list(path.nodes)].tolist()
    assert len(set(states)) == len(states)
    rebuilt = path_trajectory(tree, path.nodes)
    assert rebuilt.score == pytest.approx(path.value)
    tree_statistics(tree)


# Two ways through a house: each sees the hall and the shelf, in another order; only one of each
# pair of ends is short.
DETOUR = [["", "go shelf", "A shelf."], ["", "go desk", "A desk."], ["", "look", "A desk."]]
SHELF_FIRST = trajectory([*DETOUR, ["", "wait", "A desk."], ["", "take pen", "A pen."]], 1)
DESK_FIRST = trajectory(
    [
        ["", "go desk", "A desk."],
        ["", "go shelf", "A shelf."],
        ["", "go desk", "A desk."],
        ["", "drop pen", "It breaks."],
    ],
    0,
    sample=1,
)


def test_a_path_is_stitched_of_several_trajectories():
    tree = graph_of([SHELF_FIRST, DESK_FIRST])
    (path,) = shortest_paths([tree])
    stitched = path_trajectory(tree, path.nodes)
    assert [step.action for step in stitched.steps] == ["go shelf", "go desk", "take pen"]
    assert (stitched.score, stitched.success) == (1.0, True)
    assert not tree.is_recorded(path.nodes)
    assert tree.is_recorded(shortest_paths([by_history(tree)])[0].nodes)
    with pytest.raises(UserError, match="is not a path"):
        path_trajectory(by_history(tree), path.nodes)


def test_no_path_knows_what_its_agent_has_not_seen():
    """With the shelf unseen, the state at the desk is another one."""
    blind = trajectory([["", "go desk", "A desk."], ["", "wave", "Nothing."]], 0, sample=2)
    tree = graph_of([SHELF_FIRST, blind])
    (own,) = shortest_paths([tree])
    actions = [step.action for step in path_trajectory(tree, own.nodes).steps]
    assert actions == ["go shelf", "go desk", "take pen"]


def test_pairs_at_a_state_share_the_shorter_history():
    tree = graph_of([SHELF_FIRST, DESK_FIRST])
    assert find_pairs(by_history(tree)) != find_pairs(tree)
    pairs = [pair_trajectories(tree, pair) for pair in find_pairs(tree)]
    at_desk = [
        pair for pair in pairs if pair.rejected.steps[pair.shared_steps].action == "drop pen"
    ]
    taken = next(p for p in at_desk if p.chosen.steps[p.shared_steps].action == "take pen")
    shared = [step.action for step in taken.chosen.steps[: taken.shared_steps]]
    assert shared == ["go desk", "go shelf", "go desk"]
    assert taken.chosen.steps[: taken.shared_steps] == taken.rejected.steps[: taken.shared_steps]


@settings(max_examples=20)
@given(trajectories())
def test_pairs_in_graphs_are_walks_from_one_state(attempts):
    tree = graph_of(attempts)
    for pair in find_pairs(tree, continuation="next_divergence"):
        assert pair.chosen_score > pair.rejected_score
        for side in (pair.chosen, pair.rejected):
            assert tree.is_walk(pair.prefix + side)
        one, other = pair.chosen[0], pair.rejected[0]
        assert tree.action_id[one] != tree.action_id[other]
        assert tree.is_recorded(pair.prefix)
        assert any(tree.is_recorded(pair.prefix + side) for side in (pair.chosen, pair.rejected))


def test_a_trajectory_loses_its_loops():
    keys = ["hall", "shelf", "desk", "desk", "desk", "pen"]
    pruned = without_loops(SHELF_FIRST, keys)
    assert [step.action for step in pruned.steps] == ["go shelf", "go desk", "take pen"]
    assert replace(pruned, steps=()) == replace(SHELF_FIRST, steps=())


def test_what_contradicts_itself_is_refused(tmp_path):
    tree = graph_of([SHELF_FIRST, DESK_FIRST])
    for wrong in (tree.state[::-1].copy(), tree.state + 1):
        save_trees(tmp_path / "trees.npz", [replace(tree, state=wrong)])
        with pytest.raises(UserError, match="contradict"):
            load_trees(tmp_path / "trees.npz")
    assert make_graphs([]) == []
    with pytest.raises(UserError, match="discount=0"):
        shortest_paths([tree], discount=0)
    with pytest.raises(UserError, match="search=best"):
        find_paths([tree], search="best")
    assert build_tree([SHELF_FIRST], similarity=ExactText()).is_recorded((0, 1, 2))
