"""Selection of a task's trajectories to imitate as they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from tratree.trajectory.types import Trajectory

Keep = Literal["all", "scored", "solved"]


def select_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    keep: Keep,
    minimum_score: float = 0.0,
    per_task: int | None = None,
) -> list[Trajectory]:
    """Choose trajectories task by task.

    Args:
        trajectories: Those of one task next to each other.
        keep: ``all`` of them as often as they were sampled; or each sequence of actions once, of
            those that have ``scored`` more than `minimum_score`, or of those that have ``solved``
            their task.
        minimum_score: See `keep`.
        per_task: Most of a task: the highest scores, the shortest of equal ones, the first of
            equally short ones. None takes all.
    """
    chosen: list[Trajectory] = []
    for _, group in groupby(trajectories, key=lambda t: t.task.task_id):
        of_task = list(group)
        if keep != "all":
            first: dict[tuple[str, ...], Trajectory] = {}
            for t in of_task:
                if t.success if keep == "solved" else t.score > minimum_score:
                    first.setdefault(tuple(step.action for step in t.steps), t)
            of_task = list(first.values())
        if per_task is not None:
            of_task = sorted(of_task, key=lambda t: (-t.score, len(t.steps)))[:per_task]
        chosen += of_task
    return chosen
