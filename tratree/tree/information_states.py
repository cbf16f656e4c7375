"""Information states: nodes of a tree that are one in a graph.

An information state is a state of the environment and the set of observations seen so far, so
that no path through the graph knows what its agent has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.tree.compiled import compiled
from tratree.tree.graph import joined, node_starts
from tratree.tree.types import Ints, TrajectoryTree

_BITS = 62
"""Observations in a word of a set; the sign bit is not used."""

_UNKNOWN = -1
"""Number of a key that is not known."""


def merge_states(
    trees: Sequence[TrajectoryTree], keys: Sequence[Sequence[str] | None]
) -> list[TrajectoryTree]:
    """Make nodes of equal information state one: equal key and equal set of observations.

    The observations of a node are those of the nodes from the root to it. The answer to an action
    that was not possible is none of them: it says nothing of the world. What the trees hold stays;
    only `TrajectoryTree.state` changes.

    Args:
        trees: The trees.
        keys: Of each tree, for each node a text that is equal for equal states of the environment;
            None where they are not known: then the latest observation takes its place.

    Raises:
        UserError: If there is not one key for each node.
    """
    if not trees:
        return []
    starts, numbers = node_starts(trees), []
    for number, (tree, of_tree) in enumerate(zip(trees, keys, strict=True)):
        if of_tree is None:
            numbers.append(np.full(len(tree.parent), _UNKNOWN, np.int32))
            continue
        if len(of_tree) != len(tree.parent):
            raise UserError(f"tree {number}: {len(of_tree)} keys of {len(tree.parent)} states")
        known: dict[str, int] = {}
        numbers.append(np.array([known.setdefault(k, len(known)) for k in of_tree], np.int32))
    words = 1 + max(len(tree.observations) for tree in trees) // _BITS
    state = _same_information(
        joined(trees, starts, "parent"),
        np.concatenate([tree.observation_id for tree in trees]),
        np.concatenate([tree.valid for tree in trees]),
        np.concatenate(numbers),
        np.zeros((starts[-1], words), np.int64),
    )
    parts = np.split(state, starts[1:-1])
    return [
        replace(tree, state=part - start)
        for tree, part, start in zip(trees, parts, starts, strict=False)
    ]


def by_history(tree: TrajectoryTree) -> TrajectoryTree:
    """Return the tree with each node a state of its own."""
    return replace(tree, state=np.arange(len(tree.parent), dtype=np.int32))


@compiled
def _same_information(
    parent: Ints,
    observation: Ints,
    valid: NDArray[np.bool_],
    key: Ints,
    seen: NDArray[np.int64],
) -> Ints:
    """Return for each node the lowest one of its tree of equal key and equal set of observations.

    Args:
        parent: [N] of all trees, numbered through.
        observation: [N] numbers within the tree.
        valid: [N] whether the observation counts.
        key: [N] numbers within the tree; where `_UNKNOWN`, the latest observation counts.
        seen: [N, W] zeros; a bit becomes one for each observation from the root to the node.
    """
    nodes = len(parent)
    size = 2
    while size < 2 * nodes:
        size *= 2
    table = np.full(size, -1, np.int32)
    state = np.zeros(nodes, np.int32)
    root = np.arange(nodes)
    told = np.zeros(nodes, np.int64)  # the key, or what takes its place
    latest = np.zeros(nodes, np.int32)
    for node in range(nodes):
        before = parent[node]
        latest[node] = observation[node]
        if before >= 0:
            root[node] = root[before]
            seen[node] = seen[before]
            if not valid[node]:
                latest[node] = latest[before]
        seen[node, latest[node] // _BITS] |= 1 << (latest[node] % _BITS)
        told[node] = latest[node] if key[node] == _UNKNOWN else key[node]
        code = told[node] * 1000003 + root[node]
        for word in seen[node]:
            code = (code ^ word) * 1099511628211
            code ^= code >> 29
        place = code & (size - 1)
        while True:
            other = table[place]
            if other < 0:
                table[place] = state[node] = node
                break
            if (
                told[other] == told[node]
                and root[other] == root[node]
                and np.array_equal(seen[other], seen[node])
            ):
                state[node] = other
                break
            place = (place + 1) & (size - 1)
    return state
