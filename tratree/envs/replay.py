"""A trajectory played again in its environment: what differs from what its publisher saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tratree.envs.base import TextEnv
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.words import counted


@dataclass(frozen=True)
class Replay:
    """The result of playing a trajectory again.

    Attributes:
        trajectory: As it was played here: our observations, score and end. Turns without an action
            stay as they are; those after the end are cut.
        observations: Numbers of steps whose observation differs, 0 the first one; space aside.
        refused: Numbers of steps whose action is not possible here, though it was published.
        beyond: Number of published actions after the end of the episode here.
        outcome: Difference in score and success; empty if they do not. An unknown score is one of a
            success, as demonstrations are.
    """

    trajectory: Trajectory
    observations: tuple[int, ...]
    refused: tuple[int, ...]
    beyond: int
    outcome: str

    @property
    def differs(self) -> bool:
        """Return whether anything does."""
        return bool(self.observations or self.beyond or self.outcome)

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
        if self.beyond:
            said.append(f"{counted(self.beyond, 'action')} after its end here")
        if self.refused:
            said.append(f"{counted(len(self.refused), 'action')} not possible here")
        return "; ".join(said) or "the same"


def replay(env: TextEnv, task: Task, trajectory: Trajectory) -> Replay:
    """Play the actions of a trajectory; the step limit does not count.

    Raises:
        UserError: If the environment has no such task.
    """
    result = env.reset(task)
    opening = result.observation
    differing = [] if _contains(trajectory.first_observation, opening) else [0]
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
        last = number == len(trajectory.steps)
        if not _same(step.observation, result.observation) and not (last and not step.observation):
            differing.append(number)
    beyond = sum(bool(step.action) for step in trajectory.steps[len(steps) :])
    claimed = trajectory.score if trajectory.scored else 1.0
    outcome = ""
    if abs(result.score - claimed) > 1e-6:
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
    )
    return Replay(played, tuple(differing), tuple(refused), beyond, outcome)


def _same(theirs: str, ours: str) -> bool:
    return " ".join(theirs.split()) == " ".join(ours.split())


def _contains(theirs: str, ours: str) -> bool:
    """Return whether the publisher's opening ends with ours: rules may come before it."""
    return " ".join(ours.split()) in " ".join(theirs.split())
