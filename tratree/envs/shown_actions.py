"""An environment whose observations end with the actions that it would accept."""

from __future__ import annotations

from dataclasses import replace

from tratree.envs.base import Expert, StepResult, TextEnv
from tratree.envs.forwarding import ForwardingEnv
from tratree.trajectory.types import Task

LABEL = "AVAILABLE ACTIONS: "
"""Text before the actions, on a line of its own; AgentGym's ALFWorld has the same."""


class ShownActions(ForwardingEnv):
    """Shows after each observation what may be done next.

    The list is missing once the episode is over. Experts read the observation without it.
    """

    def __init__(self, env: TextEnv) -> None:
        super().__init__(env)
        self._latest = StepResult("")

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`."""
        return self._shown(self._env.reset(task))

    def step(self, action: str) -> StepResult:
        """Send one action of the agent."""
        return self._shown(self._env.step(action))

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`."""
        expert = self._env.expert(task)
        return lambda result: expert(replace(result, observation=self._latest.observation))

    def _shown(self, result: StepResult) -> StepResult:
        self._latest = result
        if result.finished:
            return result
        actions = ", ".join(self._env.admissible())
        return replace(result, observation=f"{result.observation}\n{LABEL}{actions}")
