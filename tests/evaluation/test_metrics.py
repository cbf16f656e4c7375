"""Figures and intervals of an evaluation."""

import pytest
from scipy.stats import norm

from tratree.evaluation.metrics import (
    average,
    performance_gap_recovered,
    proportion,
    summarize,
)
from tratree.trajectory.types import Step, Task, Trajectory


def episode(score: float, steps: int, *, success: bool, finished: bool) -> Trajectory:
    task = Task("game", "valid_unseen", "pick", "put a mug in cabinet")
    turn = Step("find mug", "go to shelf 1", "You arrive at shelf 1.")
    return Trajectory(task, "A room.", (turn,) * steps, score, success, finished)


def test_proportion_is_the_wilson_interval() -> None:
    estimate = proportion([True] * 30 + [False] * 70)
    z, n, p = norm.ppf(0.975), 100, 0.3
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert estimate.mean == 0.3
    assert estimate.low == pytest.approx(centre - half)
    assert estimate.high == pytest.approx(centre + half)


def test_no_success_still_has_an_upper_bound() -> None:
    assert proportion([False] * 50).high > 0.05


def test_bootstrap_interval_is_close_to_the_normal_one() -> None:
    values = [float(i % 10) for i in range(400)]
    estimate = average(values)
    half = 1.96 * (8.25 / 400) ** 0.5
    assert estimate.mean == 4.5
    assert estimate.low == pytest.approx(4.5 - half, abs=0.03)
    assert estimate.high == pytest.approx(4.5 + half, abs=0.03)


def test_bootstrap_does_not_change_between_calls() -> None:
    values = [0.0, 1.0, 0.5, 0.25] * 10
    assert average(values) == average(values)


def test_reward_counts_every_episode_and_success_is_not_finishing() -> None:
    episodes = [
        episode(1.0, 5, success=True, finished=True),
        episode(0.5, 9, success=False, finished=True),
        episode(0.0, 30, success=False, finished=False),
        episode(0.0, 30, success=False, finished=False),
    ]
    figures = summarize(episodes)
    assert figures["episodes"] == 4
    assert figures["reward"]["mean"] == 0.375
    assert figures["success"]["mean"] == 0.25
    assert figures["finished"]["mean"] == 0.5
    assert figures["steps"]["mean"] == 18.5


def test_summary_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no episodes"):
        summarize([])


def test_gap_recovered() -> None:
    assert performance_gap_recovered(0.2, 0.5, 0.6) == pytest.approx(0.75)
    assert performance_gap_recovered(0.2, 0.8, 0.6) == pytest.approx(1.5)
    assert performance_gap_recovered(0.6, 0.5, 0.6) is None
