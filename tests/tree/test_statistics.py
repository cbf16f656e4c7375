"""Figures of trees."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.merge import build_tree
from tratree.tree.similarity import CharacterNgrams, ExactText
from tratree.tree.statistics import TreeStatistics, forest_statistics, tree_statistics


def _tree(*attempts):
    return build_tree(
        [trajectory([["", action, "x"] for action in word], score) for word, score in attempts],
        similarity=ExactText(),
    )


def test_one_tree():
    # Parts at the root into a and b (mixed), and below b into c and d (both fail).
    assert tree_statistics(_tree(("ae", 1), ("bc", 0), ("bd", 0), ("bd", 0))) == TreeStatistics(
        trajectories=4,
        nodes=6,
        depth=2,
        width=3,
        leaves=3,
        max_children=2,
        divergence_points=2,
        mixed_divergence_points=1,
        diversity=3 / 4,
        representativeness=2.0,
        informativeness=1 / 2,
        fragmentation=0.0,
        successes=1,
        score=0.25,
    )


def test_forest():
    figures = forest_statistics([_tree(("ae", 1), ("bc", 0), ("bd", 0)), _tree(("a", 0.5))])
    assert figures == {
        "trees": 2,
        "trajectories": 4,
        "nodes": 4.0,
        "depth": 1.5,
        "width": 2.0,
        "leaves": 2.0,
        "max_children": 2,
        "divergence_points": 1.0,
        "mixed_divergence_share": 0.5,
        "informative_share": 0.5,
        "diversity": 1.0,
        "representativeness": 1.5,
        "informativeness": 0.5,
        "fragmentation": 0.0,
        "success_share": 0.25,
        "score": pytest.approx((1 / 3 + 0.5) / 2),
    }


def test_nothing_diverges():
    figures = forest_statistics([_tree(("ab", 1))])
    assert figures["mixed_divergence_share"] is None
    assert figures["informativeness"] is None


def test_informativeness_counts_distinct_scores():
    # Three actions at the root with the scores 1, 1 and 0: two alternatives, one of them tells.
    assert tree_statistics(_tree(("a", 1), ("b", 1), ("c", 0))).informativeness == 0.5
    assert tree_statistics(_tree(("a", 1), ("b", 0.5), ("c", 0))).informativeness == 1
    assert tree_statistics(_tree(("a", 1), ("b", 1), ("c", 1))).informativeness == 0
    # Means of equal scores differ by rounding.
    assert tree_statistics(_tree(("a", 0.1), *[("b", 0.1)] * 3)).informativeness == 0


def test_fragmentation_counts_nodes_that_only_differ_in_what_was_seen():
    seen = [[["", "look", text], ["", "wait", "x"]] for text in ("dark", "light")]
    tree = build_tree([trajectory(steps, 0) for steps in seen], similarity=ExactText())
    figures = tree_statistics(tree)
    assert (figures.nodes, figures.fragmentation) == (5, 1 / 4)
    assert (figures.divergence_points, figures.diversity) == (0, 1)
    assert forest_statistics([tree, _tree(("abcd", 1))])["fragmentation"] == 1 / 8


@given(trajectories())
def test_ranges(attempts):
    figures = tree_statistics(build_tree(attempts, similarity=CharacterNgrams()))
    assert 1 / len(attempts) <= figures.diversity <= 1
    assert 0 <= figures.representativeness <= figures.depth
    assert figures.informativeness is None or 0 <= figures.informativeness <= 1
    assert (figures.informativeness is None) == (figures.divergence_points == 0)
    assert figures.mixed_divergence_points <= figures.divergence_points
    if figures.mixed_divergence_points == 0:
        assert not figures.informativeness or figures.fragmentation > 0
    assert 0 <= figures.fragmentation < 1


def test_no_trees():
    with pytest.raises(UserError, match="no trees"):
        forest_statistics([])
