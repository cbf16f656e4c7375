"""Corrected p-values, detectable differences, and intervals over seeds and tasks."""

import numpy as np
import pytest
from scipy.stats import bootstrap, nct, ttest_1samp
from scipy.stats import t as student

from tratree.evaluation.intervals import average
from tratree.evaluation.power import holm, over_seeds_and_tasks, smallest_difference


def test_holm_gives_what_r_does() -> None:
    found = holm([0.01, 0.04, 0.03, 0.005])  # p.adjust(…, "holm")
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_missing_p_is_no_comparison() -> None:
    assert holm([None, 0.02, None]) == [None, 0.02, None]
    assert holm([]) == []


def test_no_corrected_p_is_smaller_or_above_one() -> None:
    p_values = list(np.random.default_rng(0).random(50))
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True) if c is not None)
    assert holm([0.5, 0.6]) == [1.0, 1.0]


def test_half_a_standard_deviation_takes_34_pairs() -> None:
    """Tables of the paired t-test (Cohen): 34 pairs for d = 0.5 and 80 %."""
    at_33, at_34 = (smallest_difference(1.0, count) for count in (33, 34))
    assert at_33 is not None
    assert at_34 is not None
    assert at_34 < 0.5 < at_33
    assert smallest_difference(1.0, 1) is None
    assert smallest_difference(2.0, 34) == pytest.approx(2 * at_34)


@pytest.mark.parametrize("count", [2, 3, 33, 134, 1000])
def test_the_smallest_difference_has_the_power_exactly(count: int) -> None:
    found = smallest_difference(1.0, count)
    assert found is not None
    shown = nct.sf(student.ppf(0.975, count - 1), count - 1, found * count**0.5)
    assert shown == pytest.approx(0.8, abs=1e-12)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_four_of_five_tests_show_the_smallest_difference(count: int) -> None:
    difference = smallest_difference(3.0, count)
    assert difference is not None
    draws = np.random.default_rng(0).normal(difference, 3.0, (20_000, count))
    p_values = ttest_1samp(draws, 0, axis=1).pvalue
    assert (p_values < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_the_draws_of_seeds_and_tasks_are_those_of_scipy() -> None:
    differences = np.random.default_rng(0).integers(-1, 2, (5, 40)).astype(np.float64)
    found = over_seeds_and_tasks(differences)

    def means(seeds: np.ndarray, tasks: np.ndarray, axis: int) -> np.ndarray:
        drawn = differences[seeds[..., :, None], tasks[..., None, :]]
        return np.asarray(drawn.mean(axis=(-2, -1)))

    theirs = bootstrap(
        (np.arange(5), np.arange(40)),
        means,
        n_resamples=10_000,
        batch=1_000,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_equal_seeds_leave_the_interval_over_tasks() -> None:
    of_tasks = np.random.default_rng(0).integers(-1, 2, 200).astype(np.float64)
    both, alone = over_seeds_and_tasks(np.tile(of_tasks, (6, 1))), average(of_tasks)
    assert both.mean == pytest.approx(alone.mean)
    assert both.low == pytest.approx(alone.low, abs=0.02)
    assert both.high == pytest.approx(alone.high, abs=0.02)


def test_seeds_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    of_tasks = rng.integers(-1, 2, 200).astype(np.float64)
    differences = of_tasks + np.linspace(-0.2, 0.2, 6)[:, None]
    both, alone = over_seeds_and_tasks(differences), average(of_tasks)
    assert both.high - both.low > 1.2 * (alone.high - alone.low)
    assert over_seeds_and_tasks(differences) == both
