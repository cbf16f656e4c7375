"""The protocol that every environment follows, and the helper that lets an expert play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tratree.errors import UserError
from tratree.trajectory.types import Step, Task, Trajectory


@dataclass(frozen=True)
class StepResult:
    """The environment's response to a reset or an action.

    Attributes:
        observation: The text shown to the agent.
        score: G(e) so far, in [0, 1].
        success: Whether the environment counts the task as solved.
        finished: Whether the environment ended the episode (a step limit is not its business).
        valid: Whether the last action was understood and possible; True after a reset.
    """

    observation: str
    score: float = 0.0
    success: bool = False
    finished: bool = False
    valid: bool = True


Expert = Callable[[StepResult], tuple[str, str]]
"""A stateful policy for one episode: takes the latest result, gives (thought, action)."""


class NoExpertError(UserError):
    """The expert cannot play this task; others it may."""


class Replay:
    """An expert that plays given actions from the reset on, then `idle`; it thinks what it does."""

    def __init__(self, actions: Sequence[str], idle: str) -> None:
        self._actions = iter(actions)
        self._idle = idle

    def __call__(self, result: StepResult) -> tuple[str, str]:
        """Return the next action as thought and action."""
        action = next(self._actions, self._idle)
        return action, action


class TextEnv(Protocol):
    """A text environment: plays one episode at a time, and is not picklable.

    A bad action of any kind (empty, long, control characters) never raises: it is answered
    with an observation that says nothing happened.
    """

    max_steps: int
    """Step limit of the evaluation protocol, in agent steps; may differ by episode."""

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order.

        Raises:
            UserError: If the split or its data does not exist.
        """
        ...

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`, dropping the one under way."""
        ...

    def step(self, action: str) -> StepResult:
        """Send one action of the agent; once the episode is over, repeat its last result.

        Raises:
            UserError: If no episode was started.
        """
        ...

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted; none after the end.

        To ask has no effect on the episode.

        Raises:
            UserError: If no episode was started.
        """
        ...

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task` that starts at its reset.

        The expert sees what an agent sees: the instruction, the observations, and the
        admissible actions, unless a setting says otherwise.

        Raises:
            NoExpertError: If it cannot play this task.
        """
        ...

    def close(self) -> None:
        """Release processes and files; may be called twice."""
        ...


def notes(env: TextEnv, split: str) -> list[str]:
    """Return what people should know about the tasks of a split, one line each.

    An environment tells by a method ``notes(split)``, if it has one.
    """
    tell = getattr(env, "notes", None)
    return [] if tell is None else list(tell(split))


def state_key(env: TextEnv) -> str | None:
    """Return a text that is equal for equal states of the episode under way; None if unknown.

    In equal states equal actions have equal effects. To ask has no effect on the episode. An
    environment tells by a method ``state_key()``, if it has one: ``tree.merge=state`` uses it.
    """
    tell = getattr(env, "state_key", None)
    return None if tell is None else tell()


def trajectory_of(
    task: Task, first_observation: str, steps: Sequence[Step], result: StepResult, **others: Any
) -> Trajectory:
    """Return the trajectory of an episode that ended with `result`."""
    return Trajectory(
        task,
        first_observation,
        tuple(steps),
        score=result.score,
        success=result.success,
        finished=result.finished,
        **others,
    )


def play_expert(env: TextEnv, task: Task) -> Trajectory:
    """Let the environment's expert play `task` within the step limit."""
    result = first = env.reset(task)
    expert = env.expert(task)
    steps: list[Step] = []
    while not result.finished and len(steps) < env.max_steps:
        thought, action = expert(result)
        result = env.step(action)
        steps.append(Step(thought, action, result.observation, valid=result.valid))
    return trajectory_of(task, first.observation, steps, result, source="expert")
