"""The greedy walk from state to state that MCTS extraction and pair continuations share."""

from __future__ import annotations

import numpy as np

from tratree.tree.compiled import compiled
from tratree.tree.graph import Graph
from tratree.tree.types import Floats, Ints

SCORE_TOLERANCE = 1e-9
"""Scores that differ by at most this are equal: means of equal scores differ by rounding."""


def best_continuations(
    graph: Graph, value: Floats, visits: Ints, end_value: Floats, end_visits: Ints
) -> Ints:
    """Choose at every state between its transitions and ending there.

    The highest value wins. Values within `SCORE_TOLERANCE` of each other are ties: more visits
    win, then the shorter walk to its end, then stored order, where ending comes last. What was
    never visited is not chosen. Where the choices would lead in a circle, the state next to its
    way out takes the best choice that leaves it.

    Args:
        graph: The graph.
        value: [N] of each transition.
        visits: [N] of each transition.
        end_value: [N] of ending in each state.
        end_visits: [N] how often something ended there.

    Returns:
        [N] int32, the transition to take from each state, or -1 to end.
    """
    links = graph.first_child, graph.next_sibling, graph.state
    choice: Ints = _choose(*links, value, visits, end_value, end_visits)
    return choice


@compiled
def _choose(
    first_child: Ints,
    next_sibling: Ints,
    state: Ints,
    value: Floats,
    visits: Ints,
    end_value: Floats,
    end_visits: Ints,
) -> Ints:
    """Return what `best_continuations` does."""
    nodes = len(first_child)
    choice = np.full(nodes, -1, np.int32)
    length = np.full(nodes, nodes, np.int32)  # that of walks that do not end
    only_ending = False
    while True:
        for _ in range(nodes + 1):
            changed = False
            for node in range(nodes - 1, -1, -1):
                if only_ending and length[node] < nodes:
                    continue
                best, best_value, best_visits, best_length = -1, -np.inf, 0, nodes
                child = first_child[node]
                while child >= 0:
                    after = min(length[state[child]] + 1, nodes)
                    if visits[child] > 0 and not (only_ending and after == nodes):
                        gain = value[child] - best_value
                        if gain > SCORE_TOLERANCE or (
                            gain >= -SCORE_TOLERANCE
                            and (-visits[child], after) < (-best_visits, best_length)
                        ):
                            best = child
                            best_value, best_visits, best_length = (
                                value[child],
                                visits[child],
                                after,
                            )
                    child = next_sibling[child]
                if end_visits[node] > 0:
                    gain = end_value[node] - best_value
                    if gain > SCORE_TOLERANCE or (
                        gain >= -SCORE_TOLERANCE
                        and (-end_visits[node], 0) < (-best_visits, best_length)
                    ):
                        best, best_visits, best_length = -1, end_visits[node], 0
                if best != choice[node] or best_length != length[node]:
                    changed = True
                    choice[node], length[node] = best, best_length
            if not changed:
                break
        left = False
        for node in range(nodes):
            if length[node] == nodes and choice[node] >= 0:
                left = True
        if only_ending or not left:
            return choice
        only_ending = True


def walk(choice: Ints, state: Ints, start: int) -> tuple[int, ...]:
    """Return the transitions from `start` to the end of the chosen walk, both included."""
    nodes = [start]
    while (following := int(choice[state[nodes[-1]]])) >= 0:
        nodes.append(following)
    return tuple(nodes)
