"""Figures of an evaluation."""

import pytest

from tests.evaluation.episodes import episode
from tratree.evaluation.metrics import by_task, performance_gap_recovered, summarize


def test_reward_counts_every_episode_and_success_is_not_finishing() -> None:
    episodes = [
        episode(1.0, 5, success=True, finished=True, task="a"),
        episode(0.5, 9, finished=True, invalid=4, task="b"),
        episode(0.0, 30, task="c"),
        episode(0.0, 30, invalid=2, task="d"),
    ]
    figures = summarize(episodes)
    assert (figures["episodes"], figures["tasks"]) == (4, 4)
    assert figures["reward"]["mean"] == 0.375
    assert figures["success"]["mean"] == 0.25
    assert figures["finished"]["mean"] == 0.5
    assert figures["steps"]["mean"] == 18.5
    assert figures["invalid_actions"]["mean"] == 1.5
    assert figures["tokens"]["mean"] == 3 * 18.5


def test_tasks_weigh_the_same_and_their_samples_stay_together() -> None:
    solved = [
        episode(1.0, success=True, task=f"easy-{n}", sample=k) for n in range(5) for k in range(4)
    ]
    failed = [episode(0.0, task=f"hard-{n}", sample=k) for n in range(5) for k in range(4)]
    figures, alone = summarize(solved + failed), summarize(solved[::4] + failed[::4])
    assert (figures["episodes"], figures["tasks"]) == (40, 10)
    assert figures["reward"] == alone["reward"]  # not narrower for more samples of equal tasks
    assert by_task([*solved[:3], *failed[:1]], "reward") == {"easy-0": 1.0, "hard-0": 0.0}


def test_kinds_of_task_have_their_own_figures() -> None:
    episodes = [
        episode(1.0, success=True, task="a", kind="pick"),
        episode(0.0, task="b", kind="heat"),
    ]
    kinds = summarize(episodes)["task_types"]
    assert list(kinds) == ["heat", "pick"]
    assert kinds["pick"]["tasks"] == 1
    assert (kinds["pick"]["success"]["mean"], kinds["heat"]["success"]["mean"]) == (1.0, 0.0)


def test_summary_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no episodes"):
        summarize([])


def test_gap_recovered() -> None:
    assert performance_gap_recovered(0.2, 0.5, 0.6) == pytest.approx(0.75)
    assert performance_gap_recovered(0.2, 0.8, 0.6) == pytest.approx(1.5)
    assert performance_gap_recovered(0.6, 0.5, 0.6) is None
