"""A search with a reward that is known: what is proposed, and what a stop changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tratree.errors import UserError
from tratree.tuning.space import Limit, Space
from tratree.tuning.study import JOURNAL, Setting, Study, alone, read_settings

SPACE = Space(
    {
        "width": IntDistribution(2, 8),
        "trajectories": IntDistribution(3, 8),
        "beta": FloatDistribution(0.01, 1.0, log=True),
    },
    {"width": Limit("trajectories", 6)},
)
TRIALS = 24


def study(folder: Path, space: Space = SPACE, *, seed: int = 0, **description: str) -> Study:
    return Study(folder, space, seed=seed, n_startup_trials=6, description=description)


def reward(setting: Setting) -> float:
    """Highest, 0, at width 4, of the largest number of trajectories, and β 0.1."""
    values = setting.values
    return -(abs(values["width"] - 4) + abs(values["trajectories"] - 8) + abs(values["beta"] - 0.1))


def search(searched: Study, total: int = TRIALS, count: int = 1) -> list[Setting]:
    proposed = []
    while settings := searched.ask(count, total):
        proposed += settings
        for setting in settings:
            searched.tell(setting, reward(setting))
    return proposed


def test_a_search_finds_more_than_chance(tmp_path: Path) -> None:
    searched = study(tmp_path)
    proposed = search(searched)
    assert len(proposed) == TRIALS
    assert all(s.values["width"] <= s.values["trajectories"] for s in proposed)
    best = searched.results()[0]
    assert best.reward == max(map(reward, proposed))
    chance = max(map(reward, proposed[:6]))
    assert best.reward is not None
    assert best.reward > chance
    assert best.values["width"] == 4


@pytest.mark.parametrize("count", [1, 3])
def test_a_stopped_search_proposes_what_an_undisturbed_one_does(tmp_path: Path, count: int) -> None:
    whole = search(study(tmp_path / "whole"), count=count)
    proposed = search(study(tmp_path / "cut"), total=9, count=count)
    study(tmp_path / "cut").ask(count, TRIALS)  # stopped before they end
    proposed += search(study(tmp_path / "cut"), count=count)
    assert proposed == whole
    assert search(study(tmp_path / "cut"), count=count) == []
    assert search(study(tmp_path / "other", seed=1), count=count) != whole


@pytest.mark.parametrize("count", [1, 3])
def test_a_trial_with_the_values_of_another_is_no_second_result(tmp_path: Path, count: int) -> None:
    two = Space({"width": IntDistribution(2, 3)}, {})

    def run(searched: Study) -> None:
        while settings := searched.ask(count, 7):
            for setting in settings:
                searched.tell(setting, float(setting.values["width"]))

    searched = study(tmp_path, two)
    run(searched)
    assert [s.values["width"] for s in searched.results()] == [3, 2]
    assert searched.over() == 7
    assert [s.values for s in read_settings(tmp_path)] in (
        *([{"width": 2}, {"width": 3}], [{"width": 3}, {"width": 2}]),
    )
    assert study(tmp_path, two).ask(count, 7) == []


def test_a_failed_trial_is_tried_again_next_time(tmp_path: Path) -> None:
    first = study(tmp_path)
    settings = first.ask(4, 4)
    for setting in settings:
        first.tell(setting, None if setting.number == 2 else reward(setting))
    assert first.ask(4, 4) == []
    assert [s.number for s in first.results()] != [0, 1, 2, 3]
    again = study(tmp_path)
    assert again.ask(4, 4) == [settings[2]]
    again.tell(settings[2], 1.0)
    assert again.results()[0].number == 2
    assert study(tmp_path).ask(4, 4) == []


def test_all_settings_are_read_by_number_with_their_latest_try(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no search in"):
        read_settings(tmp_path)
    searched = study(tmp_path)
    proposed = searched.ask(3, 3)
    searched.tell(proposed[1], None)
    searched.tell(proposed[2], 0.5)
    read = read_settings(tmp_path)
    assert [s.reward for s in read] == [None, None, 0.5]
    assert [s.values for s in read] == [s.values for s in proposed]
    again = study(tmp_path)
    for setting in again.ask(3, 3):
        again.tell(setting, 1.0)
    assert [s.reward for s in read_settings(tmp_path)] == [1.0, 1.0, 0.5]


def test_a_journal_cut_in_a_line_is_read(tmp_path: Path) -> None:
    search(study(tmp_path), total=5)
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:-9])
    [setting] = study(tmp_path).ask(1, 5)
    assert setting.number == 4


def test_a_folder_holds_one_search(tmp_path: Path) -> None:
    study(tmp_path, env="alfworld")
    study(tmp_path, env="alfworld")
    with pytest.raises(UserError, match="other env: set"):
        study(tmp_path, env="webshop")
    with pytest.raises(UserError, match="other values"):
        study(tmp_path, Space({"width": IntDistribution(2, 3)}, {}), env="alfworld")
    with (
        alone(tmp_path),
        pytest.raises(UserError, match="another search is at work"),
        alone(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("values", "at_most", "said"),
    [
        ({}, {}, "nothing to search"),
        ({"a": IntDistribution(4, 6)}, {"a": Limit("b", 3)}, "a starts at 4, but b may be 3"),
        ({"a": FloatDistribution(0, 1)}, {"a": Limit("b", 3)}, "a range of whole numbers"),
        (
            {"a": IntDistribution(1, 6), "b": CategoricalDistribution(["3"])},
            {"a": Limit("b", 3)},
            "b is a limit",
        ),
    ],
)
def test_a_space_without_a_choice(values: dict, at_most: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Space(values, at_most)
