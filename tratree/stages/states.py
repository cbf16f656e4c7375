"""Trajectories of trees played again: for the states that they were in, and to prove new paths."""

from __future__ import annotations

from dataclasses import replace

from tratree.envs.base import TextEnv, state_key
from tratree.envs.replay import replay
from tratree.trajectory.types import Trajectory
from tratree.tree.greedy import SCORE_TOLERANCE
from tratree.tree.types import TrajectoryTree


def node_states(env: TextEnv, tree: TrajectoryTree) -> list[str] | None:
    """Return the environment's state at each node, found by playing its trajectories again.

    Returns:
        A text for each node that is equal for equal states. None if the environment does not tell
        its state, or if it now answers otherwise than when the trajectories were played.
    """
    keys = [""] * len(tree.parent)
    first = env.reset(tree.task)
    opening = state_key(env)
    if opening is None or first.observation != tree.trajectories[0].first_observation:
        return None
    keys[0] = opening
    for index in sorted({*tree.representative[1:].tolist()}):
        trajectory = tree.trajectories[index]
        nodes = tree.trajectory_nodes(index)[1:]
        last = max(place for place, node in enumerate(nodes) if tree.representative[node] == index)
        env.reset(tree.task)
        for step, node in zip(trajectory.steps[: last + 1], nodes, strict=False):
            if env.step(step.action).observation != step.observation:
                return None
            keys[node] = state_key(env) or ""
    return keys


def play_again(env: TextEnv, trajectory: Trajectory) -> Trajectory:
    """Return a trajectory as its actions are answered when they are played now."""
    return replay(env, trajectory.task, trajectory).trajectory


def as_promised(env: TextEnv, promised: Trajectory, *, own_scores: bool) -> Trajectory | None:
    """Play a trajectory that was stitched of several, and return it as it was played.

    Args:
        env: Its environment.
        promised: The trajectory as its steps were recorded elsewhere.
        own_scores: Whether its score is the environment's, which it then has to reach. Else the
            score is kept, and the environment has to answer as recorded.

    Returns:
        None if the promise does not hold.
    """
    played = play_again(env, promised)
    if own_scores:
        holds = played.score >= promised.score - SCORE_TOLERANCE
        return played if holds and played.success >= promised.success else None
    return promised if answers_as_recorded(promised, played) else None


def answers_as_recorded(recorded: Trajectory, played: Trajectory) -> bool:
    """Return whether a trajectory was answered with the same observations."""
    return recorded.first_observation == played.first_observation and [
        step.observation for step in recorded.steps
    ] == [step.observation for step in played.steps]


def with_refused_masked(trajectory: Trajectory) -> Trajectory:
    """Return a trajectory whose refused actions are shown and are no target of a training."""
    steps = (replace(step, trained=step.trained and step.valid) for step in trajectory.steps)
    return replace(trajectory, steps=tuple(steps))


def with_prefix_masked(trajectory: Trajectory, steps: int) -> Trajectory:
    """Return a trajectory whose first steps are shown and are no target of a training."""
    shown = (replace(step, trained=False) for step in trajectory.steps[:steps])
    return replace(trajectory, steps=(*shown, *trajectory.steps[steps:]))
