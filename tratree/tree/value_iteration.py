"""The shortest ways through trees and graphs, by dynamic programming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.trajectory.types import Trajectory
from tratree.tree.compiled import compiled
from tratree.tree.graph import Graph, make_graphs
from tratree.tree.information_states import merge_states
from tratree.tree.mcts import Path, path_of
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText
from tratree.tree.types import Floats, Ints, TrajectoryTree


@dataclass(frozen=True, eq=False)
class StateValues:
    """What can be reached from each state of a graph of N nodes.

    Attributes:
        value: [N] float64, V(s) = max(end(s), γ · max over transitions s → s' of V(s')), where
            end(s) is the value of ending in s; -inf where no walk ends, and of nodes that name
            no state.
        choice: [N] int32, the transition that reaches it in the fewest steps, the first of
            equals; -1 to end.
    """

    value: Floats
    choice: Ints


def state_values(
    graph: Graph, ends: NDArray[np.bool_], end_value: Floats, *, discount: float = 1.0
) -> StateValues:
    """Compute the values of the states of a graph by value iteration.

    A transition that was seen once counts as certain. If an action had several outcomes in equal
    states, each is a transition of its own, so that the best is promised: play the way again.

    Args:
        graph: The graph, or tree.
        ends: [N] whether a walk may end in a state.
        end_value: [N] the value of ending there.
        discount: γ in (0, 1], a step.

    Raises:
        UserError: If `discount` is out of range.
    """
    if not 0 < discount <= 1:
        raise UserError(f"discount={discount}: use a number above 0, up to 1")
    value = np.full(len(graph.state), -np.inf)
    choice = np.full(len(graph.state), -1, np.int32)
    _iterate(
        *(graph.first_child, graph.next_sibling, graph.state, ends, end_value),
        *(float(discount), value, choice),
    )
    return StateValues(value, choice)


def shortest_paths(trees: Sequence[TrajectoryTree], *, discount: float = 1.0) -> list[Path]:
    """Extract the path of the highest value from every tree, or from its graph.

    Ending in a state is worth the mean score of the trajectories that end there.

    Args:
        trees: The trees.
        discount: γ in (0, 1]. 1 finds the shortest way to the highest score; less, a shorter way
            to a lower score where that is worth more.

    Raises:
        UserError: If `discount` is out of range.
    """
    paths = []
    for graph in make_graphs(trees):
        ends = graph.terminal_count > 0
        values = state_values(graph, ends, graph.terminal_mean, discount=discount)
        paths.append(path_of(graph, values.choice))
    return paths


def without_loops(trajectory: Trajectory, keys: Sequence[str] | None) -> Trajectory:
    """Return a trajectory without the steps that lead back to an information state it was in.

    Args:
        trajectory: It is played again before anything learns from it: what was left out was
            without effect only if `keys` tell all of a state.
        keys: The state of the environment before each step and at the end, see `merge_states`.
    """
    tree = build_tree([trajectory], similarity=ExactText())
    (path,) = shortest_paths(merge_states([tree], [keys]))
    return replace(trajectory, steps=tuple(tree.step(node) for node in path.nodes[1:]))


@compiled
def _iterate(
    first_child: Ints,
    next_sibling: Ints,
    state: Ints,
    ends: NDArray[np.bool_],
    end_value: Floats,
    discount: float,
    value: Floats,
    choice: Ints,
) -> None:
    """Fill `value` and `choice`; see `StateValues`."""
    nodes = len(state)
    length = np.zeros(nodes, np.int32)
    for node in range(nodes):
        if ends[node]:
            value[node] = end_value[node]
    changed = True
    while changed:  # at most once a step of the longest of the shortest ways
        changed = False
        for node in range(nodes - 1, -1, -1):
            child = first_child[node]
            while child >= 0:
                after = state[child]
                reached = discount * value[after]
                if value[after] > -np.inf and (
                    reached > value[node]
                    or (reached == value[node] and length[after] + 1 < length[node])
                ):
                    value[node] = reached
                    length[node] = length[after] + 1
                    choice[node] = child
                    changed = True
                child = next_sibling[child]
