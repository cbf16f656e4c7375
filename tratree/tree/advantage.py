"""Steps that brought an agent nearer to success, in successes and failures alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tratree.trajectory.types import Trajectory
from tratree.tree.graph import make_graphs
from tratree.tree.types import Floats, TrajectoryTree
from tratree.tree.value_iteration import state_values

DISCOUNT = 0.95
"""γ of the values; below 1, so that fewer steps to a success are worth more."""


def step_advantages(tree: TrajectoryTree) -> Floats:
    """Return the advantage of the step into each node, the value of its state less that before.

    The value of a state is V(s) = max(p(s), γ · max over steps s → s' of V(s')), where p(s) is the
    share of successes among the trajectories that end in s. A partial score counts as a failure.

    Returns:
        [N]; 0 at the root.
    """
    (graph,) = make_graphs([tree])
    ended = np.zeros(len(tree.parent))
    solved = np.zeros(len(tree.parent))
    for index, trajectory in enumerate(tree.trajectories):
        last = tree.state[tree.trajectory_nodes(index)[-1]]
        ended[last] += 1
        solved[last] += trajectory.success
    values = state_values(graph, ended > 0, solved / np.maximum(ended, 1), discount=DISCOUNT).value
    advantages = values[tree.state] - values[tree.state[tree.parent]]
    advantages[0] = 0
    return advantages


def with_progress(tree: TrajectoryTree, *, failures: bool = True) -> list[Trajectory]:
    """Return the trajectories of which a step made progress; only such steps are targets.

    A step makes progress if its advantage is above 0. Each node of the tree is a target once, in
    the first trajectory through it, so that what many share does not outweigh the rest. Without
    `failures`, only those of successes are targets.
    """
    progress = step_advantages(tree) > 0
    found = []
    for index, trajectory in enumerate(tree.trajectories):
        if not (failures or trajectory.success):
            continue
        nodes = tree.trajectory_nodes(index)[1:]
        steps = tuple(
            replace(
                step,
                trained=bool(step.trained and progress[n] and tree.representative[n] == index),
            )
            for step, n in zip(trajectory.steps, nodes, strict=True)
        )
        if any(step.trained for step in steps):
            last = max(number for number, step in enumerate(steps) if step.trained)
            found.append(replace(trajectory, steps=steps[: last + 1]))
    return found
