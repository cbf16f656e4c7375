"""MCTS's path beside the best trajectory and the greedy walk."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.tree.mcts import Path, search_paths
from tratree.tree.merge import build_tree
from tratree.tree.path_comparison import best_paths, compare_paths, greedy_path
from tratree.tree.similarity import CharacterNgrams, ExactText


def _tree(*attempts):
    return build_tree(
        [trajectory([["", action, "x"] for action in word], score) for word, score in attempts],
        similarity=ExactText(),
    )


# The only success starts with a, but a has the lower mean: greedy goes to b.
RARE = _tree(("ac", 1), ("ad", 0), ("ae", 0), ("af", 0), ("bc", 0.5), ("bd", 0.5))
EASY = _tree(("ac", 1), ("bd", 0))


def test_greedy_misses_a_rare_success():
    assert greedy_path(RARE).value == 0.5
    assert [path.value for path in best_paths(RARE)] == [1]


def test_figures():
    trees = [RARE, EASY]
    compared = compare_paths(trees, search_paths(trees, iterations=1000))
    assert (compared.trees, compared.equal_scores) == (2, 0)
    assert (compared.mcts_score, compared.best_score, compared.greedy_score) == (1, 1, 0.75)
    assert compared.mean_score == pytest.approx((2 / 6 + 1 / 2) / 2)
    assert (compared.differs_from_best, compared.below_best) == (0, 0)
    assert (compared.differs_from_greedy, compared.above_greedy) == (0.5, 0.5)
    assert compared.below_greedy == 0


def test_any_of_the_best_trajectories_is_the_best_one():
    tree = _tree(("ac", 1), ("bd", 1), ("e", 1), ("f", 0))
    assert [len(path.nodes) for path in best_paths(tree)] == [2, 3, 3]
    for chosen in best_paths(tree):
        compared = compare_paths([tree], [chosen])
        assert (compared.differs_from_best, compared.below_best) == (0, 0)
    (worst,) = [p for p in range(len(tree.parent)) if tree.depth[p] and tree.mean_score[p] == 0]
    compared = compare_paths([tree], [Path(tree.path(worst), 0.0)])
    assert (compared.differs_from_best, compared.below_best) == (1, 1)


@given(trajectories())
def test_nothing_scores_above_the_best(attempts):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    compared = compare_paths([tree], search_paths([tree], iterations=100))
    assert compared.best_score >= max(compared.mcts_score, compared.greedy_score) - 1e-9
    assert compared.best_score >= compared.mean_score - 1e-9
    assert greedy_path(tree).nodes == tree.path(greedy_path(tree).nodes[-1])
    assert tree.terminal_count[greedy_path(tree).nodes[-1]] > 0


def test_trees_of_one_score():
    trees = [_tree(("ac", 0), ("bd", 0)), _tree(("e", 1)), EASY, RARE]
    assert compare_paths(trees, search_paths(trees)).equal_scores == 0.5


def test_no_trees():
    with pytest.raises(UserError, match="no trees"):
        compare_paths([], [])
