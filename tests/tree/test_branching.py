"""Places where further exploration begins."""

from __future__ import annotations

import random

from tests.tree.tree_examples import TASK
from tratree.trajectory.types import Step, Trajectory
from tratree.tree.branching import branch_points


def attempt(actions: str, success: bool, sample: int) -> Trajectory:
    steps = tuple(Step("", a, f"after {actions[: n + 1]}") for n, a in enumerate(actions))
    return Trajectory(TASK, "start", steps, float(success), success, True, sample)


def actions(steps: tuple[Step, ...]) -> str:
    return "".join(step.action for step in steps)


def test_failures_are_explored_from_where_they_diverge_from_successes() -> None:
    played = [
        attempt("abcd", True, 0),
        attempt("abxy", False, 1),
        attempt("abz", False, 2),
        attempt("aq", False, 3),
    ]
    for _ in range(5):
        random.shuffle(played)
        begins = branch_points(played, samples=[4, 5, 6], seed=0)
        assert {sample: actions(steps) for sample, steps in begins.items()} == {
            **{4: "ab", 5: "a", 6: "ab"},
        }


def test_a_success_that_goes_through_a_failure_is_a_place_before_its_last_step() -> None:
    played = [attempt("abcd", True, 0), attempt("abc", False, 1)]
    begins = branch_points(played, samples=[2], seed=0)
    assert actions(begins[2]) == "ab"


def test_failures_alone_are_explored_from_within_them() -> None:
    played = [attempt("abcd", False, 0), attempt("axyz", False, 1)]
    begins = branch_points(played, samples=range(2, 40), seed=3)
    found = {actions(steps) for steps in begins.values()}
    assert found == {"a", "ab", "abc", "ax", "axy"}
    assert begins == branch_points(played[::-1], samples=range(2, 40), seed=3)
    # A sample's place does not depend on how many there are.
    assert branch_points(played, samples=[7], seed=3)[7] == begins[7]
    assert branch_points([attempt("a", False, 0)], samples=[1], seed=0) == {1: ()}


def test_successes_alone_are_not_explored_further() -> None:
    assert branch_points([attempt("ab", True, 0)], samples=[1, 2], seed=0) == {}
