"""Means over seeds with 95 % intervals, and the paired t-test over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from tratree.evaluation.intervals import CONFIDENCE


def over_seeds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return mean, and the ends of the 95 % interval by Student's t; None for a single value."""
    mean = float(np.mean(values))
    count = len(values)
    if count == 1:
        return mean, None, None
    half = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * float(np.std(values, ddof=1))
    half /= math.sqrt(count)
    return mean, mean - half, mean + half


def paired(differences: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return mean, half of the 95 % interval and p of the t-test of paired differences.

    The last two are None for a single value, p where all are equal.
    """
    mean, low, _ = over_seeds(differences)
    if low is None:
        return mean, None, None
    p = None if np.ptp(differences) < 1e-12 else float(ttest_1samp(differences, 0).pvalue)
    return mean, mean - low, p
