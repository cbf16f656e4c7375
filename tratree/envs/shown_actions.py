"""An environment whose observations end with the actions that it would accept."""

from __future__ import annotations

from dataclasses import replace

from tratree.envs.base import Expert, StepResult, TextEnv, notes
from tratree.trajectory.types import Task

LABEL = "AVAILABLE ACTIONS: "
"""Text before the actions, on a line of its own; AgentGym's ALFWorld has the same."""


class ShownActions:
    """Forwards to an environment and shows after each observation what may be done next.

    The list is missing once the episode is over. Experts read the observation without it.
    """

    def __init__(self, env: TextEnv) -> None:
        self._env = env
        self._latest = StepResult("")

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
        return self._shown(self._env.reset(task))

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        return self._shown(self._env.step(action))

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted."""
        return self._env.admissible()

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`."""
        expert = self._env.expert(task)
        return lambda result: expert(replace(result, observation=self._latest.observation))

    def close(self) -> None:
        """Release processes and files."""
        self._env.close()

    def _shown(self, result: StepResult) -> StepResult:
        self._latest = result
        if result.finished:
            return result
        actions = ", ".join(self._env.admissible())
        return replace(result, observation=f"{result.observation}\n{LABEL}{actions}")
