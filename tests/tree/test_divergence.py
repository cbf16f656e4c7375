"""Pairs: what they share, where they diverge, and how far they go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.divergence import best_and_worst, find_pairs
from tratree.tree.merge import build_tree
from tratree.tree.paths import pair_trajectories
from tratree.tree.similarity import CharacterNgrams, ExactText

SETTINGS = st.fixed_dictionaries(
    {
        "aggregate": st.sampled_from(["mean", "max"]),
        "min_gap": st.sampled_from([0.0, 0.3]),
        "continuation": st.sampled_from(["end", "next_divergence", "one_step"]),
        "max_pairs_per_divergence": st.sampled_from([None, 1, 2]),
        "max_pairs_per_task": st.sampled_from([None, 1, 3]),
    }
)


@given(trajectories(), SETTINGS)
def test_pairs_diverge_at_one_node_by_another_action(attempts, how):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    pairs = find_pairs(tree, **how)
    for pair in pairs:
        assert pair.prefix[0] == 0
        for continuation in (pair.chosen, pair.rejected):
            nodes = pair.prefix + continuation
            assert nodes == tree.path(nodes[-1])
            assert len(continuation) > 0
        assert tree.action_id[pair.chosen[0]] != tree.action_id[pair.rejected[0]]
        assert pair.chosen_score - pair.rejected_score > how["min_gap"]
        if how["continuation"] == "one_step":
            assert len(pair.chosen) == len(pair.rejected) == 1
        if how["continuation"] == "end":
            assert tree.terminal_count[pair.chosen[-1]] > 0
            assert tree.terminal_count[pair.rejected[-1]] > 0
    if how["max_pairs_per_task"]:
        assert len(pairs) <= how["max_pairs_per_task"]
        assert set(pairs) <= set(find_pairs(tree, **{**how, "max_pairs_per_task": None}))
    partings = [pair.prefix[-1] for pair in pairs]
    assert partings == sorted(partings)
    if how["max_pairs_per_divergence"]:
        most = max((partings.count(node) for node in partings), default=0)
        assert most <= how["max_pairs_per_divergence"]


@given(trajectories())
def test_whole_continuations_end_at_least_as_far_apart(attempts):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    for pair in find_pairs(tree):
        rebuilt = pair_trajectories(tree, pair)
        assert rebuilt.chosen.score >= pair.chosen_score
        assert rebuilt.rejected.score <= pair.rejected_score


@given(trajectories(), SETTINGS)
def test_both_sides_share_the_prefix_to_the_token(attempts, how):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    for pair in find_pairs(tree, **how):
        rebuilt = pair_trajectories(tree, pair)
        shared = rebuilt.shared_steps
        assert rebuilt.chosen.steps[:shared] == rebuilt.rejected.steps[:shared]
        assert rebuilt.chosen.steps[shared].action != rebuilt.rejected.steps[shared].action
        assert all(step.token_ids for step in rebuilt.chosen.steps + rebuilt.rejected.steps)


@given(trajectories(scores=[0.1]), SETTINGS)
def test_equal_scores_give_no_pair(attempts, how):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    assert find_pairs(tree, **how) == []


def test_the_number_of_equal_scores_is_no_difference():
    """The mean of three times 0.1 is not 0.1 in floating point."""
    attempts = [trajectory([["", "a", "x"]], 0.1, sample=n) for n in range(3)]
    attempts.append(trajectory([["", "b", "y"]], 0.1))
    tree = build_tree(attempts, similarity=ExactText())
    assert len(set(tree.mean_score.tolist())) > 1
    assert find_pairs(tree) == []


@pytest.fixture
def tree():
    """Parts at the root into a and b; below a again, after one more step."""
    attempts = [
        trajectory([["", "a", "1"], ["", "go", "2"], ["", "c", "3"], ["", "end", "4"]], 1),
        trajectory([["", "a", "1"], ["", "go", "2"], ["", "d", "3"]], 0.25),
        trajectory([["", "b", "1"], ["", "e", "2"]], 0.25),
        trajectory([["", "b", "1"], ["", "f", "2"]], 0),
    ]
    return build_tree(attempts, similarity=ExactText())


def _actions(tree, nodes):
    return [tree.step(node).action for node in nodes]


@pytest.mark.parametrize(
    ("continuation", "chosen", "rejected"),
    [
        ("end", ["a", "go", "c", "end"], ["b", "f"]),
        ("next_divergence", ["a", "go"], ["b"]),
        ("one_step", ["a"], ["b"]),
    ],
)
def test_how_far_continuations_go(tree, continuation, chosen, rejected):
    pair = find_pairs(tree, continuation=continuation)[0]
    assert pair.prefix == (0,)
    assert _actions(tree, pair.chosen) == chosen
    assert _actions(tree, pair.rejected) == rejected


def test_aggregates(tree):
    assert (find_pairs(tree)[0].chosen_score, find_pairs(tree)[0].rejected_score) == (0.625, 0.125)
    largest = find_pairs(tree, aggregate="max")[0]
    assert (largest.chosen_score, largest.rejected_score) == (1, 0.25)


def test_widest_gaps_are_kept():
    attempts = [trajectory([["", f"a{s}", "x"]], s / 4) for s in (2, 0, 4, 1)]
    tree = build_tree(attempts, similarity=ExactText())
    pairs = find_pairs(tree, max_pairs_per_divergence=3)
    gaps = [(pair.chosen_score, pair.rejected_score) for pair in pairs]
    assert gaps == [(1, 0), (1, 0.25), (0.5, 0)]
    assert len(find_pairs(tree)) == 6
    assert len(find_pairs(tree, min_gap=0.5)) == 2


def test_a_capped_task_keeps_the_widest_gap_of_every_divergence_point_first():
    # Six pairs diverge at the root, of gaps 1 to 0.25, one of gap 0.25 below a4.
    attempts = [trajectory([["", f"a{s}", "x"]], s / 4) for s in (2, 0, 1)]
    attempts += [
        trajectory([["", "a4", "x"], ["", end, "y"]], s) for end, s in (("b", 1), ("c", 0.75))
    ]
    tree = build_tree(attempts, similarity=ExactText())

    def partings(limit: int | None) -> list[int]:
        return [pair.prefix[-1] for pair in find_pairs(tree, max_pairs_per_task=limit)]

    assert len(partings(None)) == 7
    assert partings(1) == [0]
    assert len(set(partings(2))) == 2
    assert partings(5) == [0, 0, 0, 0, partings(2)[1]]
    assert find_pairs(tree, max_pairs_per_task=99) == find_pairs(tree)


@pytest.mark.parametrize(
    "how",
    [
        {"aggregate": "median"},
        {"continuation": "two_steps"},
        {"min_gap": -0.1},
        {"min_gap": float("nan")},
        {"max_pairs_per_divergence": 0},
        {"max_pairs_per_task": 0},
    ],
)
def test_bad_settings(tree, how):
    with pytest.raises(UserError):
        find_pairs(tree, **how)


def test_a_stop_is_no_continuation():
    steps = [["", "a", "x"], ["", "b", "y"], ["", "c", "z"]]
    attempts = [trajectory(steps[:n], n == 2, sample=n) for n in range(4)]
    tree = build_tree(attempts, similarity=ExactText())
    assert find_pairs(tree) == []


def test_the_best_path_is_paired_with_the_worst():
    attempts = [
        trajectory([("", "a", "x"), ("", "b", "y")], 1.0),
        trajectory([("", "a", "x"), ("", "c", "z")], 0.4, sample=1),
        trajectory([("", "d", "w")], 0.0, sample=2),
        trajectory([("", "d", "w"), ("", "e", "v")], 0.2, sample=3),
    ]
    tree = build_tree(attempts, similarity=ExactText())
    (pair,) = best_and_worst(tree)
    found = pair_trajectories(tree, pair)
    assert [step.action for step in found.chosen.steps] == ["a", "b"]
    assert [step.action for step in found.rejected.steps] == ["d"]
    assert (found.shared_steps, pair.chosen_score, pair.rejected_score) == (0, 1.0, 0.0)
    assert best_and_worst(tree, min_gap=1.0) == []
    assert best_and_worst(build_tree(attempts[:1], similarity=ExactText())) == []
    with pytest.raises(UserError, match="min_gap=-1"):
        best_and_worst(tree, min_gap=-1)


@given(trajectories())
def test_the_best_and_the_worst_path_diverge_by_another_action(attempts):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    pairs = best_and_worst(tree)
    assert len(pairs) <= 1
    for pair in pairs:
        assert tree.action_id[pair.chosen[0]] != tree.action_id[pair.rejected[0]]
        assert pair.chosen_score > pair.rejected_score
        for continuation in (pair.chosen, pair.rejected):
            assert pair.prefix + continuation == tree.path(continuation[-1])
