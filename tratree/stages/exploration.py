"""Episodes that an exploration leaves out, whatever the order in which they ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from tratree.policy.rollout_settings import Episode
from tratree.trajectory.types import Trajectory


def is_decided(of_task: Collection[Trajectory], enough: int) -> bool:
    """Return whether a task has both successes and failures, or `enough` successes."""
    solved = sum(trajectory.success for trajectory in of_task)
    return 0 < solved < len(of_task) or solved >= enough


def undecided(
    episodes: Sequence[Episode], played: Sequence[Trajectory], enough: int
) -> list[Episode]:
    """Return the episodes whose task is not decided by what was played."""
    by_task: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for trajectory in played:
        by_task[trajectory.task.task_id].append(trajectory)
    return [e for e in episodes if not is_decided(by_task[e.task.task_id], enough)]


def within_tokens(played: Sequence[Trajectory], most: int) -> list[Trajectory]:
    """Return the first of `played` whose sampled tokens are at most `most` together."""
    kept, used = [], 0
    for trajectory in played:
        used += sum(len(step.token_ids) for step in trajectory.steps)
        if used > most:
            break
        kept.append(trajectory)
    return kept
