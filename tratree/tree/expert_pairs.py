"""Preference pairs of an expert's trajectory and an attempt that did worse, after ETO."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import TrajectoryPair
from tratree.tree.greedy import SCORE_TOLERANCE


def expert_pairs(
    attempts: Sequence[Trajectory],
    demonstrations: Iterable[Trajectory],
    *,
    min_gap: float = 0.0,
    max_pairs_per_task: int | None = None,
) -> list[TrajectoryPair]:
    """Pair each attempt that scored less than the expert did on its task with the expert's.

    Whole trajectories: no prefix is shared. Attempts of the same actions make one pair.

    Args:
        attempts: Those of one task next to each other. Those of a task without a demonstration
            make no pair.
        demonstrations: The expert's, one a task.
        min_gap: The scores differ by more than this, at least 0.
        max_pairs_per_task: The attempts of the lowest scores, the first of equal ones; None
            takes all.
    """
    expert = {t.task.task_id: t for t in demonstrations}
    pairs = []
    for task_id, group in groupby(attempts, key=lambda t: t.task.task_id):
        chosen = expert.get(task_id)
        if chosen is None:
            continue
        worse: dict[tuple[str, ...], Trajectory] = {}
        for attempt in group:
            if chosen.score - attempt.score > min_gap + SCORE_TOLERANCE:
                worse.setdefault(tuple(step.action for step in attempt.steps), attempt)
        kept = sorted(worse.values(), key=lambda t: t.score)[:max_pairs_per_task]
        pairs += [TrajectoryPair(chosen, rejected, shared_steps=0) for rejected in kept]
    return pairs
