"""Intervals over seeds and the paired t-test."""

import pytest
from scipy.stats import ttest_1samp, ttest_rel

from tratree.evaluation.seeds import over_seeds, paired


def test_the_interval_is_that_of_a_t_test() -> None:
    values = [0.3, 0.4, 0.35, 0.5, 0.2]
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    mean, low, high = over_seeds(values)
    assert mean == pytest.approx(0.35)
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert over_seeds([0.3]) == (0.3, None, None)


def test_the_difference_is_that_of_a_paired_t_test() -> None:
    ours, strong = [0.5, 0.4, 0.45], [0.3, 0.35, 0.2]
    mean, half, p = paired([a - b for a, b in zip(ours, strong, strict=True)])
    expected = ttest_rel(ours, strong)
    assert p == pytest.approx(expected.pvalue)
    assert mean - half == pytest.approx(expected.confidence_interval(0.95).low)
    assert paired([0.1]) == (0.1, None, None)
    assert paired([0.1, 0.1])[2] is None
