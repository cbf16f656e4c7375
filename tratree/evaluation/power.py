"""The strength of a table: p-values for many comparisons, and the differences it could show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tratree.evaluation.intervals import CONFIDENCE, RESAMPLES, Estimate, percentiles

POWER = 0.8
BATCH = 1_000
"""Resamples that are drawn at a time: a divisor of `RESAMPLES`."""


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for their number by Holm's step-down method, in the same order.

    With the m values in rising order, p(k) becomes max over j ≤ k of min(1, (m - j + 1) p(j)).
    None is not a comparison: it stays, and does not count.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[index] = largest
    return adjusted


def smallest_difference(deviation: float, count: int) -> float | None:
    """Return the mean difference that a paired t-test shows with a power of 80 %.

    Two-sided, at the level 1 - `CONFIDENCE`: δ with P(T > t) = 0.8, where T has the noncentral
    t-distribution with count - 1 degrees of freedom and noncentrality δ √count / deviation. (The
    other tail has a probability of almost nothing there.) `deviation` ≥ 0 is the standard
    deviation of `count` differences.

    Returns:
        In the unit of `deviation`; None for fewer than two differences.
    """
    if count < 2:
        return None
    from scipy.special import nctdtr, stdtrit

    freedom = count - 1
    critical = float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
    low, high = 0.0, 2 * critical + 2
    for _ in range(60):  # halves the interval until it is as narrow as a float tells
        middle = (low + high) / 2
        enough = 1 - nctdtr(freedom, middle, critical) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high * deviation / math.sqrt(count)


def over_seeds_and_tasks(differences: NDArray[np.float64]) -> Estimate:
    """Estimate a mean difference, with the percentile bootstrap over both seeds and tasks.

    Every resample draws seeds and, independently, tasks, which are the same for all seeds, both
    with replacement (fixed seed of the draws). So the interval covers other seeds and other tasks.

    Args:
        differences: Of one system less another, paired by seed and task, shape [S, T].
    """
    mean = float(differences.mean())
    if np.ptp(differences) == 0 or min(differences.shape) < 2:
        return Estimate(mean, mean, mean)

    rng, (seeds, tasks) = np.random.default_rng(0), differences.shape
    means = []
    for _ in range(0, RESAMPLES, BATCH):
        rows = rng.integers(seeds, size=(BATCH, seeds, 1))
        columns = rng.integers(tasks, size=(BATCH, 1, tasks))
        means.append(differences[rows, columns].mean(axis=(-2, -1)))
    return percentiles(mean, np.concatenate(means))
