"""Offline Monte Carlo tree search on finished trajectory trees (section 3.3 of the paper)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.tree.compiled import compiled
from tratree.tree.greedy import best_continuations, walk
from tratree.tree.types import Floats, Ints, TrajectoryTree


@dataclass(frozen=True)
class Path:
    """The extracted path e* of a tree.

    Attributes:
        nodes: From the root to a node in which a trajectory ends.
        value: The mean score of the trajectories that end there, in [0, 1].
    """

    nodes: tuple[int, ...]
    value: float


@dataclass(frozen=True, eq=False)
class SearchCounts:
    """Counts of the search in one tree of N nodes.

    Attributes:
        visits: [N] int32, c_M: iterations through or ending in the node.
        value_sum: [N] float64, r_M: the sum of their values.
        end_visits: [N] int32, iterations that ended in the node.
    """

    visits: Ints
    value_sum: Floats
    end_visits: Ints


def search(
    trees: Sequence[TrajectoryTree], *, iterations: int = 1000, exploration: float = 1.41
) -> list[SearchCounts]:
    """Run MCTS on every tree.

    An iteration walks from the root to an end. At each node it goes to the first child in
    stored order that no iteration has visited, else to the child of the highest
    r_M / c_M + γ · sqrt(ln(Σ siblings' c_M) / c_M), the first of equals. Where trajectories end
    in a node that others pass, ending there is one more child, the last in stored order. The
    value of an iteration is the mean score of the trajectories that end where it ends; every
    node on the way gets it.

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
    starts = np.cumsum([0, *(len(tree.parent) for tree in trees)], dtype=np.int32)
    parent, first_child, next_sibling = (
        np.concatenate(
            [
                np.where(links >= 0, links + start, -1)
                for links, start in zip((getattr(t, name) for t in trees), starts, strict=False)
            ]
        )
        for name in ("parent", "first_child", "next_sibling")
    )
    visits = np.zeros(starts[-1], np.int32)
    value_sum = np.zeros(starts[-1])
    end_visits = np.zeros(starts[-1], np.int32)
    _iterate(
        starts[:-1],
        parent,
        first_child,
        next_sibling,
        np.concatenate([tree.terminal_count > 0 for tree in trees]),
        np.concatenate([tree.terminal_mean for tree in trees]),
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
    for tree, counts in zip(trees, counted, strict=True):
        choice = best_continuations(
            tree.first_child,
            tree.next_sibling,
            counts.value_sum / np.maximum(counts.visits, 1),
            counts.visits,
            tree.terminal_mean,
            counts.end_visits,
        )
        nodes = walk(choice, 0)
        paths.append(Path(nodes, float(tree.terminal_mean[nodes[-1]])))
    return paths


@compiled
def _iterate(
    roots: Ints,
    parent: Ints,
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
    for root in roots:
        for _ in range(iterations):
            node = root
            while True:
                chosen = -1
                highest = -np.inf
                child = first_child[node]
                while child >= 0:
                    if visits[child] == 0:
                        chosen = child
                        highest = np.inf
                        break
                    bound = value_sum[child] / visits[child] + exploration * math.sqrt(
                        math.log(visits[node]) / visits[child]
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
                            math.log(visits[node]) / end_visits[node]
                        )
                        if bound > highest:
                            chosen = -1
                if chosen < 0:
                    break
                node = chosen
            value = terminal_mean[node]
            end_visits[node] += 1
            while node >= 0:
                visits[node] += 1
                value_sum[node] += value
                node = parent[node]
