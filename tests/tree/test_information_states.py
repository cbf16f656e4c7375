"""Information states: against plain sets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.tree.tree_examples import FORESTS, forest, trajectory
from tratree.errors import UserError
from tratree.tree.information_states import merge_states


@settings(max_examples=25)
@given(FORESTS)
def test_states_are_those_of_plain_sets(tasks):
    trees = forest(tasks)
    for tree in merge_states(trees, [None] * len(trees)):
        first: dict[object, int] = {}
        for node in range(len(tree.parent)):
            path = [node for node in tree.path(node) if node == 0 or tree.step(node).valid]
            observed = tree.observation_id[path].tolist()
            information = (observed[-1], frozenset(observed))
            assert tree.state[node] == first.setdefault(information, node)


def test_each_node_needs_a_key():
    assert merge_states([], []) == []
    with pytest.raises(UserError, match="tree 0: 1 keys of 2 states"):
        merge_states(forest([[trajectory([["", "look", "A room."]], 1)]]), [["a"]])
