"""Ways back to success from states that only failures reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tratree.tree.graph import make_graphs
from tratree.tree.greedy import walk
from tratree.tree.types import TrajectoryTree
from tratree.tree.value_iteration import state_values


@dataclass(frozen=True)
class Recovery:
    """A failure's way into a state, and the shortest way from there to success.

    Attributes:
        failed: Nodes from the root to the state, those of a failure.
        back: The nodes that follow, to a state in which a success ends; at least one.
    """

    failed: tuple[int, ...]
    back: tuple[int, ...]


def recoveries(tree: TrajectoryTree) -> list[Recovery]:
    """Find for each failure the last of its states from which a success can still be reached.

    Only states that no success passed count, each once, with the failure that is there in the
    fewest steps. In a tree merged by history alone there are none, because what only failures
    reached leads to failures.

    Returns:
        The fewest steps of a failure first, then stored order.
    """
    (graph,) = make_graphs([tree])
    solved = np.zeros(len(tree.parent), bool)
    ends = np.zeros(len(tree.parent), bool)
    failures = []
    for index, trajectory in enumerate(tree.trajectories):
        states = tree.state[list(tree.trajectory_nodes(index))]
        if trajectory.success:
            solved[states] = ends[states[-1]] = True
        else:
            failures.append(states)
    values = state_values(graph, ends, ends.astype(float))
    can_recover = ~solved & (values.value > 0)
    last = {
        int(states[can_recover[states]][-1]) for states in failures if can_recover[states].any()
    }
    return [
        Recovery(tree.path(state), graph.recorded(walk(values.choice, tree.state, state))[1:])
        for state in sorted(last)
    ]
