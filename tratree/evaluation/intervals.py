"""Means over tasks with 95 % intervals, and paired tests between two systems on equal tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

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


def resampled(mean: float, samples: Sequence[Any], statistic: Any, **how: Any) -> Estimate:
    """Return a mean with the interval of its percentile bootstrap (fixed seed).

    The other arguments are those of `scipy.stats.bootstrap`.
    """
    from scipy.stats import bootstrap  # scipy.stats takes longer to import than all else here

    interval = bootstrap(
        samples,
        statistic,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
        **how,
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))


def average(values: NDArray[np.float64]) -> Estimate:
    """Estimate a mean, with the percentile bootstrap over tasks (fixed seed).

    Args:
        values: One number a task, shape [T].
    """
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return Estimate(mean, mean, mean)
    return resampled(mean, (values,), np.mean)


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
    from scipy.stats import permutation_test

    # Rounded, so that sums that are equal up to rounding count as equally extreme.
    return float(
        permutation_test(
            (changed,),
            lambda x, axis: np.round(x.sum(axis), 9),
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(0),
        ).pvalue
    )
