"""A trajectory played again in its environment: what differs from what its publisher saw."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tratree.envs.base import TextEnv
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.words import counted

Harmless = Callable[[str, str], str]
_FIRST_WORDS = 4
_ROUNDED = 0.005
"""Difference of a score that was published with two digits: 0.67 of two thirds."""


@dataclass(frozen=True)
class Replay:
    """The result of playing a trajectory again.

    Attributes:
        trajectory: As it was played here: our observations, score and end. Turns without an action
            stay as they are; those after the end are cut.
        observations: Numbers of steps whose observation differs, 0 the first one; space aside, and
            what is harmless.
        harmless: Number of other observations that are not quite the same, by how they differ.
        refused: Numbers of steps whose action is not possible here, though it was published.
        beyond: Number of published actions after the end of the episode here.
        seen_beyond: Whether something was seen after one of them.
        outcome: Difference in score and success; empty if they do not. An unknown score is one of a
            success, as demonstrations are.
    """

    trajectory: Trajectory
    observations: tuple[int, ...]
    harmless: Mapping[str, int]
    refused: tuple[int, ...]
    beyond: int
    seen_beyond: bool
    outcome: str

    @property
    def differs(self) -> bool:
        """Return whether anything does that counts.

        An action after the end does not, if nothing was seen after it: ScienceWorld's paths
        have one.
        """
        return bool(self.observations or self.seen_beyond or self.outcome)

    def __str__(self) -> str:
        """Say in a line what differs."""
        said = []
        if self.outcome:
            said.append(self.outcome)
        if self.observations:
            count, first = len(self.observations), self.observations[0]
            said.append(
                f"{counted(count, 'observation')} not as recorded, the first after step {first}"
            )
        said += [f"{counted(n, 'observation')} {how}" for how, n in self.harmless.items()]
        if self.beyond:
            said.append(f"{counted(self.beyond, 'action')} after its end here")
        if self.refused:
            said.append(f"{counted(len(self.refused), 'action')} not possible here")
        return "; ".join(said) or "the same"


def replay(
    env: TextEnv, task: Task, trajectory: Trajectory, harmless: Harmless = lambda theirs, ours: ""
) -> Replay:
    """Play the actions of a trajectory; the step limit does not count.

    Args:
        env: Its environment.
        task: Its task.
        trajectory: Published trajectory.
        harmless: See `EnvironmentPlugin.harmless`.

    Raises:
        UserError: If the environment has no such task.
    """
    result = env.reset(task)
    opening = result.observation
    differing: list[int] = []
    hardly: Counter[str] = Counter()

    def compare(number: int, how: str | None) -> None:
        if how is None:
            differing.append(number)
        elif how:
            hardly[how] += 1

    compare(0, opens_as(trajectory.first_observation, opening, harmless))
    refused: list[int] = []
    steps: list[Step] = []
    for number, step in enumerate(trajectory.steps, start=1):
        if result.finished:
            break
        if not step.action:
            steps.append(step)
            continue
        result = env.step(step.action)
        steps.append(replace(step, observation=result.observation, valid=result.valid))
        if not result.valid:
            refused.append(number)
        if step.observation or number < len(trajectory.steps):
            compare(number, _compared(step.observation, result.observation, harmless))
    beyond = [step for step in trajectory.steps[len(steps) :] if step.action]
    claimed = trajectory.score if trajectory.scored else 1.0
    outcome = ""
    if abs(result.score - claimed) > _ROUNDED:
        known = f"{claimed:g}" if trajectory.scored else "unknown, so a success"
        outcome = f"the score is {result.score:g} here, and {known} there"
    elif trajectory.scored and result.success != trajectory.success:
        outcome = f"{'solved' if result.success else 'not solved'} here, but not so there"
    played = replace(
        trajectory,
        task=task,
        first_observation=opening,
        steps=tuple(steps),
        score=result.score,
        success=result.success,
        finished=result.finished,
        scored=True,
        replayed=min(trajectory.replayed, len(steps)),
    )
    return Replay(
        played,
        tuple(differing),
        hardly,
        tuple(refused),
        len(beyond),
        any(step.observation for step in beyond),
        outcome,
    )


def opens_as(theirs: str, ours: str, harmless: Harmless) -> str | None:
    """Return how a published opening harmlessly differs from ours: rules may come before it.

    Empty if it does not; None if it is another one.
    """
    if " ".join(ours.split()) in " ".join(theirs.split()):
        return ""
    begins = r"\s+".join(map(re.escape, ours.split()[:_FIRST_WORDS]))
    said = (harmless(theirs[found.start() :], ours) for found in re.finditer(begins, theirs))
    return next(filter(None, said), None)


def _compared(theirs: str, ours: str, harmless: Harmless) -> str | None:
    return "" if theirs.split() == ours.split() else harmless(theirs, ours) or None
