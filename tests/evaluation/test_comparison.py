"""Two systems on the same tasks."""

import pytest

from tests.evaluation.episodes import episode
from tratree.evaluation.comparison import add_corrected, compare


def test_tasks_are_paired_by_id_whatever_their_order() -> None:
    baseline = [episode(0.0, task=f"game-{n}") for n in range(6)]
    system = [episode(float(n < 4), success=n < 4, task=f"game-{n}") for n in reversed(range(6))]
    found = compare(system, baseline)
    assert found["tasks"] == 6
    assert found["reward"]["difference"]["mean"] == pytest.approx(4 / 6, abs=1e-6)
    assert (found["success"]["better"], found["success"]["worse"]) == (4, 0)
    assert found["success"]["p"] == 2 * 0.5**4


def test_samples_of_a_task_count_as_one_task() -> None:
    def play(scores: list[float]) -> list:
        return [
            episode(score, task=f"game-{n}", sample=k)
            for n in range(4)
            for k, score in enumerate(scores)
        ]

    found = compare(play([1.0, 1.0, 1.0]), play([0.0, 0.0, 0.75]))["reward"]
    assert found["difference"] == {"mean": 0.75, "low": 0.75, "high": 0.75}
    assert (found["better"], found["p"]) == (4, 2 * 0.5**4)


def test_a_system_does_not_differ_from_itself() -> None:
    played = [episode(n / 10, task=f"game-{n}") for n in range(10)]
    found = compare(played, played)["reward"]
    assert (found["difference"]["mean"], found["p"]) == (0.0, 1.0)


def test_other_tasks_are_an_error() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        compare([episode(1.0, task="a")], [episode(1.0, task="b")])


def test_a_difference_has_its_corrected_p_and_what_could_have_been_shown() -> None:
    baseline = [episode(0.0, task=f"game-{n}") for n in range(6)]
    system = [episode(float(n < 4), success=n < 4, task=f"game-{n}") for n in range(6)]
    compared = {"mcts": {"seen": compare(system, baseline), "unseen": compare(baseline, baseline)}}
    add_corrected(compared)
    reward = compared["mcts"]["seen"]["reward"]
    assert reward["p_holm"] == min(1.0, 4 * reward["p"])
    assert reward["detectable"] == pytest.approx(1.4346 * 0.5164, abs=0.001)
    assert compared["mcts"]["unseen"]["reward"]["detectable"] is None
