"""Figures of trees."""

from __future__ import annotations

import pytest
from tree_examples import trajectory

from tratree.errors import UserError
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText
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
        leaves=3,
        max_children=2,
        divergence_points=2,
        mixed_divergence_points=1,
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
        "leaves": 2.0,
        "max_children": 2,
        "divergence_points": 1.0,
        "mixed_divergence_share": 0.5,
        "informative_share": 0.5,
        "success_share": 0.25,
        "score": pytest.approx((1 / 3 + 0.5) / 2),
    }


def test_nothing_diverges():
    assert forest_statistics([_tree(("ab", 1))])["mixed_divergence_share"] is None


def test_no_trees():
    with pytest.raises(UserError, match="no trees"):
        forest_statistics([])
