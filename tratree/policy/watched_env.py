"""An environment whose caller can be watched from another process: since when is it busy?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tratree.envs.base import Expert, StepResult, TextEnv
from tratree.trajectory.types import Task

IDLE = 0.0


class WatchedEnv:
    """Forwards to an environment and notes in shared memory when a call began.

    Args:
        env: The environment.
        clocks: Shared numbers, one an environment: the monotonic time at which the call under
            way began, or `IDLE`.
        number: Which of them is this environment's.
    """

    def __init__(self, env: TextEnv, clocks: Any, number: int) -> None:
        self._env = env
        self._clocks = clocks
        self._number = number

    @property
    def max_steps(self) -> int:
        """Step limit of the evaluation protocol."""
        return self._env.max_steps

    @max_steps.setter
    def max_steps(self, steps: int) -> None:
        self._env.max_steps = steps

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._clocks[self._number] = time.monotonic()
        try:
            yield
        finally:
            self._clocks[self._number] = IDLE

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order."""
        return self._env.tasks(split)

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`."""
        with self._busy():
            return self._env.reset(task)

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        with self._busy():
            return self._env.step(action)

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted."""
        with self._busy():
            return self._env.admissible()

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`."""
        return self._env.expert(task)

    def close(self) -> None:
        """Release processes and files."""
        self._env.close()


def watched(make_env: Callable[[], TextEnv], clocks: Any) -> Callable[[], TextEnv]:
    """Return a function that makes watched environments, each with the next of `clocks`."""
    numbers = count()
    return lambda: WatchedEnv(make_env(), clocks, next(numbers))
