"""An environment whose caller can be watched from another process: since when is it busy?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tratree.envs.base import StepResult, TextEnv
from tratree.envs.forwarding import ForwardingEnv
from tratree.trajectory.types import Task

IDLE = 0.0


class WatchedEnv(ForwardingEnv):
    """Notes in shared memory when a call began.

    Args:
        env: The environment.
        clocks: Shared numbers, one an environment: the monotonic time at which the call under
            way began, or `IDLE`.
        number: Number of this environment among them.
    """

    def __init__(self, env: TextEnv, clocks: Any, number: int) -> None:
        super().__init__(env)
        self._clocks = clocks
        self._number = number

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._clocks[self._number] = time.monotonic()
        try:
            yield
        finally:
            self._clocks[self._number] = IDLE

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`."""
        with self._busy():
            return super().reset(task)

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        with self._busy():
            return super().step(action)

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted."""
        with self._busy():
            return super().admissible()


def watched(make_env: Callable[[], TextEnv], clocks: Any) -> Callable[[], TextEnv]:
    """Return a function that makes watched environments, each with the next of `clocks`."""
    numbers = count()
    return lambda: WatchedEnv(make_env(), clocks, next(numbers))
