"""Trajectories for training, made from nodes of a tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tratree.errors import UserError
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import Pair
from tratree.tree.trajectory_pairs import TrajectoryPair
from tratree.tree.types import TrajectoryTree


def path_trajectory(tree: TrajectoryTree, nodes: Sequence[int]) -> Trajectory:
    """Rebuild a trajectory along a path of `tree`, or a walk through its graph.

    Every step is the representative step of its node, so two paths agree in all of the steps
    they share, token ids included. If trajectories end in the last node, or in one of equal
    state, the score is their mean, and success and finish are those of the best of them. Else the
    path is cut: its score is the mean of those that continue, and it is neither a success nor
    finished.

    Args:
        tree: The tree.
        nodes: From the root down, without gaps (`TrajectoryTree.is_walk`).

    Raises:
        UserError: If `nodes` is not such a path.
    """
    if not tree.is_walk(nodes):
        raise UserError(f"{list(nodes)} is not a path of the tree of task {tree.task.task_id}")
    last = nodes[-1]
    ending = [
        trajectory
        for index, trajectory in enumerate(tree.trajectories)
        if tree.state[tree.trajectory_nodes(index)[-1]] == tree.state[last]
    ]
    total = np.add.accumulate([0.0, *(t.score for t in ending)])[-1]
    score = total / len(ending) if ending else tree.mean_score[last]
    return Trajectory(
        task=tree.task,
        first_observation=tree.trajectories[0].first_observation,
        steps=tuple(tree.step(node) for node in nodes[1:]),
        score=float(score),
        success=ending[0].success if ending else False,
        finished=ending[0].finished if ending else False,
        source="tree",
    )


def pair_trajectories(tree: TrajectoryTree, pair: Pair) -> TrajectoryPair:
    """Rebuild both trajectories of a pair of `tree`, the shared prefix equal in both."""
    return TrajectoryPair(
        chosen=path_trajectory(tree, pair.prefix + pair.chosen),
        rejected=path_trajectory(tree, pair.prefix + pair.rejected),
        shared_steps=len(pair.prefix) - 1,
    )
