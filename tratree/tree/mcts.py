"""Offline Monte Carlo search on finished trajectory trees (section 3.3 of the paper) and graphs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.tree.compiled import compiled
from tratree.tree.graph import Graph, joined, make_graphs, node_starts
from tratree.tree.greedy import best_continuations, walk
from tratree.tree.types import Floats, Ints, TrajectoryTree


@dataclass(frozen=True)
class Path:
    """The extracted path e* of a tree.

    Attributes:
        nodes: From the root to a node of a state in which a trajectory ends; each of the state
            that follows (`TrajectoryTree.is_walk`).
        value: The mean score of the trajectories that end there, in [0, 1].
    """

    nodes: tuple[int, ...]
    value: float


@dataclass(frozen=True, eq=False)
class SearchCounts:
    """Counts of the search in one tree of N nodes, which name states and transitions (`Graph`).

    Attributes:
        visits: [N] int32, c_M: iterations that take the transition.
        value_sum: [N] float64, r_M: the sum of their values.
        end_visits: [N] int32, iterations that ended in the state.
    """

    visits: Ints
    value_sum: Floats
    end_visits: Ints


def path_of(graph: Graph, choice: Ints) -> Path:
    """Return the path from the root that takes the chosen transition [N] from each state."""
    nodes = graph.recorded(walk(choice, graph.state, 0))
    return Path(nodes, float(graph.terminal_mean[graph.state[nodes[-1]]]))


def search(
    trees: Sequence[TrajectoryTree], *, iterations: int = 1000, exploration: float = 1.41
) -> list[SearchCounts]:
    """Run MCTS on every tree, or on its graph, where nodes share states.

    An iteration walks from the root to an end. At each node it goes to the first child in
    stored order that no iteration has visited, else to the child of the highest
    r_M / c_M + γ · sqrt(ln(Σ siblings' c_M) / c_M), the first of equals. Where trajectories end
    in a node that others pass, ending there is one more child, the last in stored order. The
    value of an iteration is the mean score of the trajectories that end where it ends; every
    node on the way gets it. In a graph the children are the transitions from a state, and an
    iteration does not return to a state; where it could only do so, it ends with a value of 0.

    Args:
        trees: The trees of a run, searched in one compiled call.
        iterations: Iterations per tree, at least 1.
        exploration: γ, at least 0.

    Raises:
        UserError: If an argument is out of range.
    """
    if iterations < 1:
        raise UserError(f"MCTS iterations={iterations}: use at least 1")
    if not exploration >= 0:
        raise UserError(f"MCTS exploration={exploration}: use a number from 0")
    if not trees:
        return []
    graphs = make_graphs(trees)
    starts = node_starts(trees)
    visits = np.zeros(starts[-1], np.int32)
    value_sum = np.zeros(starts[-1])
    end_visits = np.zeros(starts[-1], np.int32)
    _iterate(
        starts[:-1],
        *(joined(graphs, starts, name) for name in ("state", "first_child", "next_sibling")),
        np.concatenate([graph.terminal_count > 0 for graph in graphs]),
        np.concatenate([graph.terminal_mean for graph in graphs]),
        iterations,
        float(exploration),
        visits,
        value_sum,
        end_visits,
    )
    parts = [np.split(array, starts[1:-1]) for array in (visits, value_sum, end_visits)]
    return [SearchCounts(*of_tree) for of_tree in zip(*parts, strict=True)]


def search_paths(
    trees: Sequence[TrajectoryTree], *, iterations: int = 1000, exploration: float = 1.41
) -> list[Path]:
    """Extract the best path of every tree: greedy on r_M / c_M after `search`.

    Ties go to more visits, then to the shorter path, then to stored order
    (`best_continuations`).

    Raises:
        UserError: If an argument is out of range.
    """
    paths = []
    counted = search(trees, iterations=iterations, exploration=exploration)
    for graph, counts in zip(make_graphs(trees), counted, strict=True):
        value = counts.value_sum / np.maximum(counts.visits, 1)
        ends = graph.terminal_mean, counts.end_visits
        paths.append(path_of(graph, best_continuations(graph, value, counts.visits, *ends)))
    return paths


@compiled
def _iterate(
    roots: Ints,
    state: Ints,
    first_child: Ints,
    next_sibling: Ints,
    is_terminal: NDArray[np.bool_],
    terminal_mean: Floats,
    iterations: int,
    exploration: float,
    visits: Ints,
    value_sum: Floats,
    end_visits: Ints,
) -> None:
    """Add to the last three arrays what `iterations` from each of `roots` count."""
    passes = np.zeros(len(state), np.int32)  # of each state
    passed = np.zeros(len(state), np.bool_)  # by the iteration under way
    taken = np.zeros(len(state), np.int32)  # its transitions, the root first
    for root in roots:
        for _ in range(iterations):
            node = root
            taken[0] = root
            length = 1
            while True:
                passed[node] = True
                chosen = -1
                highest = -np.inf
                child = first_child[node]
                while child >= 0:
                    if not passed[state[child]]:
                        if visits[child] == 0:
                            chosen = child
                            highest = np.inf
                            break
                        bound = value_sum[child] / visits[child] + exploration * math.sqrt(
                            math.log(passes[node]) / visits[child]
                        )
                        if bound > highest:
                            chosen = child
                            highest = bound
                    child = next_sibling[child]
                if is_terminal[node] and highest < np.inf:
                    if end_visits[node] == 0:
                        chosen = -1
                    else:
                        bound = terminal_mean[node] + exploration * math.sqrt(
                            math.log(passes[node]) / end_visits[node]
                        )
                        if bound > highest:
                            chosen = -1
                if chosen < 0:
                    break
                taken[length] = chosen
                length += 1
                node = state[chosen]
            value = terminal_mean[node]
            if is_terminal[node]:
                end_visits[node] += 1
            for place in range(length):
                child = taken[place]
                visits[child] += 1
                value_sum[child] += value
                passes[state[child]] += 1
                passed[state[child]] = False
