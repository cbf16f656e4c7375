"""An environment whose answers are checked, so that a fault of one's own is one line."""

from __future__ import annotations

from numbers import Real
from typing import Any

from tratree.envs.base import StepResult, TextEnv
from tratree.envs.forwarding import ForwardingEnv
from tratree.errors import UserError
from tratree.trajectory.types import Task


class CheckedEnv(ForwardingEnv):
    """Raises a `UserError` that names the environment and the method of a wrong answer."""

    def __init__(self, env: TextEnv, name: str) -> None:
        super().__init__(env)
        self._name = name

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order."""
        tasks = super().tasks(split)
        if not (isinstance(tasks, list) and all(isinstance(task, Task) for task in tasks)):
            raise self._error("tasks", "a list of Task", tasks)
        return tasks

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`."""
        return self._checked("reset", super().reset(task))

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        return self._checked("step", super().step(action))

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted."""
        actions = super().admissible()
        if not (isinstance(actions, list) and all(isinstance(action, str) for action in actions)):
            raise self._error("admissible", "a list of str", actions)
        return actions

    def _checked(self, method: str, result: Any) -> StepResult:
        if not isinstance(result, StepResult):
            raise self._error(method, "a StepResult", result)
        if not isinstance(result.observation, str):
            raise self._error(method, "an observation of type str", result.observation)
        if not (isinstance(result.score, Real) and 0 <= result.score <= 1):
            raise self._error(method, "a score from 0 to 1", result.score)
        return result

    def _error(self, method: str, expected: str, got: object) -> UserError:
        shown = repr(got)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
        return UserError(
            f"env={self._name}: {method} must return {expected}, but returned {shown}: correct the "
            "environment's code"
        )
