"""Small trees worked out by hand, compared node by node."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.tree.tree_examples import trajectory
from tratree.tree.divergence import find_pairs
from tratree.tree.mcts import search_paths
from tratree.tree.merge import build_tree
from tratree.tree.similarity import make_similarity
from tratree.tree.types import TrajectoryTree

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))

ACTION_KEYS = {"exact": str, "folded": lambda action: " ".join(action.lower().split())}


def _nodes(tree: TrajectoryTree) -> list[dict]:
    """Return the nodes of a tree in the form of the golden files."""
    names = (
        *("parent", "depth", "visits", "value_sum", "terminal_count", "terminal_score_sum"),
        *("first_child", "next_sibling", "representative"),
    )
    nodes = [
        {name: getattr(tree, name)[node] for name in names} for node in range(len(tree.parent))
    ]
    for node, found in enumerate(nodes):
        found["observation"] = tree.observations[tree.observation_id[node]]
        if node > 0:
            found["action"] = tree.actions[tree.action_id[node]]
    return nodes


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_tree(path):
    golden = json.loads(path.read_text())
    tree = build_tree(
        [trajectory(**t, sample=number) for number, t in enumerate(golden["trajectories"])],
        similarity=make_similarity(golden["similarity"]),
        action_key=ACTION_KEYS[golden["action_key"]],
    )
    assert _nodes(tree) == golden["nodes"]
    thoughts = [list(tree.thoughts(node)) for node in range(1, len(tree.parent))]
    assert thoughts == golden["thoughts"]
    pairs = [asdict(pair) for pair in find_pairs(tree)]
    assert json.loads(json.dumps(pairs)) == golden["pairs"]
    assert json.loads(json.dumps(asdict(search_paths([tree])[0]))) == golden["path"]
