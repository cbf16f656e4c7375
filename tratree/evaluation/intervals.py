"""Means over tasks with 95 % intervals, and paired tests between two systems on equal tasks.

The bootstrap and the permutation test draw and count as those of `scipy.stats`, which takes longer
to import than a stored run takes for all else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def rounded(self) -> dict[str, float]:
        """Return JSON data with six digits after the point."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def percentiles(mean: float, resampled: NDArray[np.float64]) -> Estimate:
    """Return a mean with the interval of its percentile bootstrap, from resampled means."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail))
    return Estimate(mean, float(low), float(high))


def average(values: NDArray[np.float64]) -> Estimate:
    """Estimate a mean, with the percentile bootstrap over tasks (fixed seed).

    Args:
        values: One number a task, shape [T].
    """
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return Estimate(mean, mean, mean)
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    return percentiles(mean, values[drawn].mean(axis=-1))


def share(values: NDArray[np.float64]) -> Estimate:
    """Estimate a share in [0, 1] like `average`.

    Where all tasks have 0, or all have 1, resampling shows no spread although the true share may
    be another; there the interval is Wilson's over tasks.
    """
    if not (np.ptp(values) == 0 and values[0] in (0, 1)):
        return average(values)
    from scipy.stats import binomtest

    test = binomtest(round(values.sum()), len(values))
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(float(test.statistic), float(interval.low), float(interval.high))


def paired_p_value(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the sign-flip permutation test that the mean is 0 (fixed seed).

    Exact where there are few tasks, else from `RESAMPLES` draws. For differences of -1, 0 and 1 it
    is McNemar's test.

    Args:
        differences: One number a task, shape [T].
    """
    changed = differences[differences != 0]
    if len(changed) < 2:  # with one, both signs are equally extreme
        return 1.0
    exact = 2 ** len(changed) <= RESAMPLES
    if exact:
        signs = np.array(list(product((1, -1), repeat=len(changed))))
    else:
        pairs = np.tile([1, -1], (RESAMPLES, len(changed), 1))
        signs = np.random.default_rng(0).permuted(pairs, axis=-1)[..., 0]
    # Rounded, so that sums that are equal up to rounding count as equally extreme.
    sums, observed = np.round((signs * changed).sum(axis=-1), 9), np.round(changed.sum(), 9)
    extreme = min((sums <= observed).sum(), (sums >= observed).sum())
    seen = 0 if exact else 1  # the draw that was observed is one of them
    return float(min(1.0, 2 * (extreme + seen) / (len(sums) + seen)))
