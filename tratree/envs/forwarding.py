"""An environment that forwards to another one: the base of those that change or watch it."""

from __future__ import annotations

from tratree.envs.base import Expert, StepResult, TextEnv, notes, state_key
from tratree.trajectory.types import Task


class ForwardingEnv:
    """Forwards every call to an environment."""

    def __init__(self, env: TextEnv) -> None:
        self._env = env

    @property
    def max_steps(self) -> int:
        """Step limit of the evaluation protocol."""
        return self._env.max_steps

    @max_steps.setter
    def max_steps(self, steps: int) -> None:
        self._env.max_steps = steps

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order."""
        return self._env.tasks(split)

    def notes(self, split: str) -> list[str]:
        """Return what people should know about the tasks of a split."""
        return notes(self._env, split)

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`."""
        return self._env.reset(task)

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        return self._env.step(action)

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted."""
        return self._env.admissible()

    def state_key(self) -> str | None:
        """Return what tells the state of the episode from others, if it is known."""
        return state_key(self._env)

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`."""
        return self._env.expert(task)

    def close(self) -> None:
        """Release processes and files."""
        self._env.close()
