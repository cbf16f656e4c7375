"""Answers of an environment that has faults."""

from __future__ import annotations

from typing import Any

import pytest

from tratree.envs.base import StepResult
from tratree.envs.checked import CheckedEnv
from tratree.errors import UserError
from tratree.trajectory.types import Task

TASK = Task("mine-0", "train", "look", "look at the desk")


class Answers:
    """Answers every call with the same object."""

    max_steps = 3

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def reset(self, task: Task) -> Any:
        return self.answer

    def step(self, action: str) -> Any:
        return self.answer

    def tasks(self, split: str) -> Any:
        return self.answer

    def admissible(self) -> Any:
        return self.answer

    def expert(self, task: Task) -> Any:
        return self.answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, "a StepResult, but returned None"),
        (("You see a desk.", 0.0, False, {}), "a StepResult, but returned ('You see a desk.', 0.0"),
        (StepResult(None), "an observation of type str, but returned None"),  # type: ignore[arg-type]
        (StepResult("", score=100), "a score from 0 to 1, but returned 100"),
        (StepResult("", score=float("nan")), "a score from 0 to 1, but returned nan"),
        (StepResult("", score=None), "a score from 0 to 1, but returned None"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_result_is_one_line_that_names_the_method(answer: Any, expected: str) -> None:
    env = CheckedEnv(Answers(answer), "mine")
    with pytest.raises(UserError) as caught:
        env.reset(TASK)
    assert str(caught.value).startswith(f"env=mine: reset must return {expected}")
    with pytest.raises(UserError, match=r"^env=mine: step must return"):
        env.step("look")


@pytest.mark.parametrize("answer", [None, ["x", 1], iter(())])
def test_wrong_lists_are_one_line(answer: Any) -> None:
    env = CheckedEnv(Answers(answer), "mine")
    with pytest.raises(UserError, match=r"^env=mine: tasks must return a list of Task, but"):
        env.tasks("train")
    with pytest.raises(UserError, match=r"^env=mine: admissible must return a list of str, but"):
        env.admissible()


def test_right_answers_pass() -> None:
    result = StepResult("a desk", score=0.5)
    assert CheckedEnv(Answers(result), "mine").step("look") is result
    assert CheckedEnv(Answers([TASK]), "mine").tasks("train") == [TASK]
    assert CheckedEnv(Answers(["look"]), "mine").admissible() == ["look"]
