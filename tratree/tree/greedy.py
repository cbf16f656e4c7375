"""The greedy walk down a tree that MCTS extraction and pair continuations share."""

from __future__ import annotations

import numpy as np

from tratree.tree.compiled import compiled
from tratree.tree.types import Floats, Ints

SCORE_TOLERANCE = 1e-9
"""Scores that differ by at most this are equal: means of equal scores differ by rounding."""


@compiled
def best_continuations(
    first_child: Ints,
    next_sibling: Ints,
    value: Floats,
    visits: Ints,
    end_value: Floats,
    end_visits: Ints,
) -> Ints:
    """Choose at every node between its children and ending there.

    The highest value wins. Values within `SCORE_TOLERANCE` of each other are ties: more visits
    win, then the shorter walk to its end, then stored order, where ending comes last. What was
    never visited is not chosen.

    Args:
        first_child: [N] as in `TrajectoryTree`; parents come before their children.
        next_sibling: [N] likewise.
        value: [N] of each node as a child.
        visits: [N] of each node as a child.
        end_value: [N] of ending in each node.
        end_visits: [N] how often something ended there.

    Returns:
        [N] int32, the child to go to, or -1 to end.
    """
    choice = np.full(len(first_child), -1, np.int32)
    length = np.zeros(len(first_child), np.int32)
    for node in range(len(first_child) - 1, -1, -1):
        best_value, best_visits, best_length = -np.inf, 0, 0
        child = first_child[node]
        while child >= 0:
            if visits[child] > 0:
                gain = value[child] - best_value
                if gain > SCORE_TOLERANCE or (
                    gain >= -SCORE_TOLERANCE
                    and (-visits[child], length[child] + 1) < (-best_visits, best_length)
                ):
                    choice[node] = child
                    best_value, best_visits = value[child], visits[child]
                    best_length = length[child] + 1
            child = next_sibling[child]
        if end_visits[node] > 0:
            gain = end_value[node] - best_value
            if gain > SCORE_TOLERANCE or (
                gain >= -SCORE_TOLERANCE and (-end_visits[node], 0) < (-best_visits, best_length)
            ):
                choice[node] = -1
                best_length = 0
        length[node] = best_length
    return choice


def walk(choice: Ints, start: int) -> tuple[int, ...]:
    """Return the nodes from `start` to the end of the chosen walk, both included."""
    nodes = [start]
    while (following := int(choice[nodes[-1]])) >= 0:
        nodes.append(following)
    return tuple(nodes)
