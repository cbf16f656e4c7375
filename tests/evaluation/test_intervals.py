"""Intervals over tasks and paired tests."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, norm, permutation_test

from tratree.evaluation.intervals import RESAMPLES, average, paired_p_value, share


def test_bootstrap_interval_is_close_to_the_normal_one() -> None:
    estimate = average(np.array([float(i % 10) for i in range(400)]))
    half = 1.96 * (8.25 / 400) ** 0.5
    assert estimate.mean == 4.5
    assert estimate.low == pytest.approx(4.5 - half, abs=0.03)
    assert estimate.high == pytest.approx(4.5 + half, abs=0.03)


@pytest.mark.parametrize("count", [2, 13, 14, 134])
def test_draws_and_counts_are_those_of_scipy(count: int) -> None:
    values = np.random.default_rng(count).integers(-3, 4, count) / 3
    values[:2] = 1.0, -1 / 3  # neither equal nor zero
    found = average(values)
    theirs = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    tested = permutation_test(
        (values[values != 0],),
        lambda x, axis: np.round(x.sum(axis), 9),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    assert paired_p_value(values) == tested.pvalue


def test_bootstrap_does_not_change_between_calls() -> None:
    values = np.array([0.0, 1.0, 0.5, 0.25] * 10)
    assert average(values) == average(values)


def test_a_share_has_the_bootstrap_interval() -> None:
    values = np.array([1.0] * 30 + [0.0] * 70)
    assert share(values) == average(values)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_without_spread_has_the_wilson_interval(value: float) -> None:
    estimate = share(np.full(50, value))
    z2 = norm.ppf(0.975) ** 2
    assert estimate.mean == value
    assert abs(estimate.low - estimate.high) == pytest.approx(z2 / (50 + z2))


def test_few_pairs_are_tested_exactly_like_mcnemar() -> None:
    differences = np.array([1.0] * 8 + [-1.0] * 2 + [0.0] * 90)
    assert paired_p_value(differences) == pytest.approx(binomtest(8, 10).pvalue)


def test_many_pairs_are_tested_close_to_mcnemar() -> None:
    differences = np.array([1.0] * 40 + [-1.0] * 22 + [0.0] * 138)
    assert paired_p_value(differences) == pytest.approx(binomtest(40, 62).pvalue, abs=0.01)
    assert paired_p_value(differences) == paired_p_value(-differences)


def test_sums_that_differ_by_rounding_are_equally_extreme() -> None:
    differences = np.array([0.1, 0.2, -0.3, 0.1, 0.2, -0.3])
    assert paired_p_value(differences) == 1.0


@pytest.mark.parametrize("changed", [0, 1])
def test_no_difference_or_one_is_no_evidence(changed: int) -> None:
    assert paired_p_value(np.array([1.0] * changed + [0.0] * 20)) == 1.0
