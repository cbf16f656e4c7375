"""Places from which to explore further: where a task's failures went wrong, or may have."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from tratree.trajectory.types import Step, Trajectory


def branch_points(
    trajectories: Sequence[Trajectory], *, samples: Sequence[int], seed: int
) -> dict[int, tuple[Step, ...]]:
    """Return the first steps that further trajectories of a task begin with (ours).

    A task with successes and failures is explored from where they diverge: after the longest prefix
    that a failure shares with a success, one failure after the other. A task with failures alone is
    explored from within them: a failure and a number of its steps are drawn. A task with successes
    alone is not explored further: nothing is known to go wrong.

    Args:
        trajectories: Of one task, in any order.
        samples: Numbers of the further trajectories.
        seed: Of the draws; each sample of each task has its own generator.

    Returns:
        The first steps of each sample, perhaps none; nothing for a task that is not explored
        further.
    """
    ordered = sorted(trajectories, key=lambda t: t.sample)
    failures = [t for t in ordered if not t.success]
    if not failures:
        return {}
    if len(failures) < len(ordered):
        passed = {_key(t.steps[:n]) for t in ordered if t.success for n in range(len(t.steps))}
        places = list({_key(p): p for p in (_longest(t, passed) for t in failures)}.values())
        return {sample: places[n % len(places)] for n, sample in enumerate(samples)}
    return {sample: _drawn(failures, sample, seed) for sample in samples}


def _key(steps: Sequence[Step]) -> tuple[tuple[str, str], ...]:
    return tuple((step.action, step.observation) for step in steps)


def _longest(failure: Trajectory, passed: set[tuple[tuple[str, str], ...]]) -> tuple[Step, ...]:
    """Return the longest prefix that is one of `passed`; the empty one always is."""
    lengths = range(len(failure.steps) - 1, -1, -1)
    return next(p for n in lengths if _key(p := failure.steps[:n]) in passed)


def _drawn(failures: Sequence[Trajectory], sample: int, seed: int) -> tuple[Step, ...]:
    """Return the first steps of a failure, one at least and not all, if it has two."""
    key = [seed, crc32(b"branching"), crc32(failures[0].task.task_id.encode()), sample]
    random = np.random.default_rng(key)
    steps = failures[int(random.integers(len(failures)))].steps
    return steps[: random.integers(1, len(steps))] if len(steps) > 1 else ()
