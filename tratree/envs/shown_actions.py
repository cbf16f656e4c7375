"""An environment whose observations end with the actions that it would accept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tratree.envs.base import Expert, StepResult, TextEnv
from tratree.envs.forwarding import ForwardingEnv
from tratree.trajectory.types import Task

LABEL = "AVAILABLE ACTIONS: "
"""Text before the actions, on a line of its own; AgentGym's ALFWorld has the same."""


class ShownActions(ForwardingEnv):
    """Shows after each observation what may be done next.

    The list is missing once the episode is over. Experts read the observation without it. At most
    `at_most` are shown, those of every verb in turn, and how many there are more; None shows all.
    """

    def __init__(self, env: TextEnv, at_most: int | None = None) -> None:
        super().__init__(env)
        self._at_most = at_most
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
        actions = self._env.admissible()
        shown = actions if self._at_most is None else some_of_each_verb(actions, self._at_most)
        more = f", and {len(actions) - len(shown)} more" if len(shown) < len(actions) else ""
        listed = f"{LABEL}{', '.join(shown)}{more}"
        return replace(result, observation=f"{result.observation}\n{listed}")


def some_of_each_verb(actions: Sequence[str], count: int) -> list[str]:
    """Return at most `count` actions in their order, the first ones of each verb.

    >>> some_of_each_verb(["go to bed", "go to desk", "look", "open desk"], 3)
    ['go to bed', 'look', 'open desk']
    """
    seen: Counter[str] = Counter()
    ranked = []
    for number, action in enumerate(actions):
        verb = re.split(r"[\s\[]", action, maxsplit=1)[0]
        ranked.append((seen[verb], number))
        seen[verb] += 1
    return [actions[number] for number in sorted(number for _, number in sorted(ranked)[:count])]
