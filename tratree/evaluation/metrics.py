"""What is reported of a set of evaluation episodes, each figure with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest, bootstrap

from tratree.trajectory.types import Trajectory

CONFIDENCE = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks and its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def proportion(flags: Sequence[bool]) -> Estimate:
    """Estimate a share in [0, 1], with the Wilson interval."""
    test = binomtest(sum(flags), len(flags))
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(float(test.statistic), float(interval.low), float(interval.high))


def average(values: Sequence[float]) -> Estimate:
    """Estimate a mean, with the percentile bootstrap over episodes (fixed seed)."""
    data = np.asarray(values, dtype=np.float64)
    mean = float(data.mean())
    if np.ptp(data) == 0:
        return Estimate(mean, mean, mean)
    interval = bootstrap(
        (data,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))


def summarize(episodes: Sequence[Trajectory]) -> dict[str, Any]:
    """Return the figures of one system on one split, as JSON data.

    ``reward`` is the mean score G(e) over all episodes, unfinished ones included; ``success`` is
    what the environment calls solved; ``finished`` is the share of episodes that the environment
    ended within the step limit; ``steps`` is the mean number of agent steps.

    Raises:
        ValueError: If there are no episodes.
    """
    if not episodes:
        raise ValueError("no episodes to summarize")
    estimates = {
        "reward": average([e.score for e in episodes]),
        "success": proportion([e.success for e in episodes]),
        "finished": proportion([e.finished for e in episodes]),
        "steps": average([float(len(e.steps)) for e in episodes]),
    }
    return {
        "episodes": len(episodes),
        **{
            name: {"mean": round(e.mean, 6), "low": round(e.low, 6), "high": round(e.high, 6)}
            for name, e in estimates.items()
        },
    }


def performance_gap_recovered(weak: float, system: float, ceiling: float) -> float | None:
    """Return PGR = (system − weak) / (ceiling − weak), after Burns et al. (2023).

    None where the ceiling is not above the weak model: there is no gap to recover.
    """
    if ceiling <= weak:
        return None
    return (system - weak) / (ceiling - weak)
