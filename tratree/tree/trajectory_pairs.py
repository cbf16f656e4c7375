"""Pairs of whole trajectories: at random, or an expert's and an attempt that did worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from zlib import crc32

import numpy as np

from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import check_limits
from tratree.tree.greedy import SCORE_TOLERANCE


@dataclass(frozen=True)
class TrajectoryPair:
    """Two trajectories of one task of which one is preferred: τ⁺ and τ⁻.

    Attributes:
        chosen: The preferred one.
        rejected: The other.
        shared_steps: Number of first steps in the shared prefix; equal in both.
    """

    chosen: Trajectory
    rejected: Trajectory
    shared_steps: int


def unstructured_pairs(
    trajectories: Sequence[Trajectory],
    *,
    seed: int,
    min_gap: float = 0.0,
    max_pairs_per_task: int | None = None,
) -> list[TrajectoryPair]:
    """Draw random pairs of whole trajectories of the same task: the unstructured baseline.

    The one of the higher score is chosen. Any two with different actions whose scores differ by
    more than `min_gap` are a candidate; neither their number nor their order depends on the
    order of `trajectories`.

    Args:
        trajectories: Of any number of tasks.
        seed: Of the draw; every task has its own generator.
        min_gap: At least 0.
        max_pairs_per_task: Number of candidates of a task to draw; None takes all.

    Raises:
        UserError: If an argument is out of range.
    """
    check_limits(min_gap, max_pairs_per_task)
    ordered = sorted(
        trajectories, key=lambda t: (t.task.task_id, -t.score, canonical_json(t.to_json()))
    )
    pairs = []
    for task_id, of_task in groupby(ordered, key=lambda t: t.task.task_id):
        candidates = [
            TrajectoryPair(better, worse, shared_steps=0)
            for better, worse in combinations(of_task, 2)
            if better.score - worse.score > min_gap + SCORE_TOLERANCE
            and [s.action for s in better.steps] != [s.action for s in worse.steps]
        ]
        key = [seed, crc32(b"unstructured_pairs"), crc32(task_id.encode())]
        drawn = np.random.default_rng(key).permutation(len(candidates))
        pairs += [candidates[index] for index in drawn[:max_pairs_per_task]]
    return pairs


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
