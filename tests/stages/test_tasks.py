"""Tasks that are demonstrated, explored, evaluated."""

import pytest

from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings
from tratree.stages.explore import sampling_plan
from tratree.stages.tasks import demonstrated_tasks, evaluated_tasks, explored_tasks
from tratree.trajectory.types import Task

TASKS = [Task(f"game-{n}", "train", "pick", "put a mug in cabinet") for n in range(20)]


def test_demonstrated_and_explored_tasks_overlap_only_if_they_must() -> None:
    assert not set(demonstrated_tasks(TASKS, 8, seed=0)) & set(explored_tasks(TASKS, 12, seed=0))
    overlap = set(demonstrated_tasks(TASKS, 12, seed=0)) & set(explored_tasks(TASKS, 12, seed=0))
    assert len(overlap) == 4


def test_more_demonstrations_keep_the_ones_before() -> None:
    few, many = (demonstrated_tasks(TASKS, n, seed=3) for n in (5, 9))
    assert many[:5] == few


def test_seeds_draw_different_training_tasks_but_evaluate_the_same() -> None:
    assert demonstrated_tasks(TASKS, 8, seed=0) != demonstrated_tasks(TASKS, 8, seed=1)
    assert evaluated_tasks(TASKS, 8) == evaluated_tasks(TASKS, None)[:8]


def test_few_evaluation_tasks_are_of_several_types() -> None:
    tasks = [Task(f"{kind}-{n}", "valid_seen", kind, "") for kind in "abcd" for n in range(25)]
    assert {task.task_type for task in evaluated_tasks(tasks, 12)} == set("abcd")


def test_none_takes_all() -> None:
    assert set(demonstrated_tasks(TASKS, None, seed=0)) == set(TASKS)
    assert set(explored_tasks(TASKS, None, seed=0)) == set(TASKS)
    assert set(evaluated_tasks(TASKS, None)) == set(TASKS)


def test_too_many_tasks_are_an_error_that_names_the_key() -> None:
    with pytest.raises(UserError, match=r"explore\.tasks=21.*at most 20"):
        explored_tasks(TASKS, 21, seed=0)


def test_greedy_is_sampled_once() -> None:
    grid = [SamplingSettings(0.7, 0.9), SamplingSettings(0.0), SamplingSettings(1.0, 0.8)]
    plan = sampling_plan(grid, 6)
    assert plan == [grid[0], grid[1], grid[2], grid[0], grid[2], grid[0]]
    assert sampling_plan(grid, 2) == grid[:2]
    assert sampling_plan([grid[1]], 2) == [grid[1], grid[1]]
