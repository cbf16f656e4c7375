"""Best of N: of several trajectories of a task the best one counts."""

from __future__ import annotations

from collections.abc import Sequence

from tratree.trajectory.types import Trajectory


def best_of(episodes: Sequence[Trajectory]) -> list[Trajectory]:
    """Return one trajectory of each task, in the order of the tasks.

    The highest score counts, the first of equal ones. The choice looks at the environment's
    score, so it is an upper bound for what a choice without that score can reach.
    """
    best: dict[str, Trajectory] = {}
    for episode in episodes:
        before = best.get(episode.task.task_id)
        if before is None or episode.score > before.score:
            best[episode.task.task_id] = episode
    return list(best.values())
