"""What a rollout is told of its episodes: which ones, and when they are cut."""

from __future__ import annotations

from dataclasses import dataclass, field

from tratree.errors import UserError
from tratree.policy.sampling import SamplingSettings
from tratree.policy.turn import TurnRules
from tratree.trajectory.types import Task


@dataclass(frozen=True)
class Episode:
    """One attempt at a task.

    Attributes:
        task: What to attempt.
        sample: Which of the attempts at this task it is, from 0; part of the random key.
        sampling: How its tokens are drawn.
    """

    task: Task
    sample: int
    sampling: SamplingSettings


@dataclass(frozen=True)
class RolloutLimits(TurnRules):
    """When turns and episodes are cut.

    Attributes:
        max_steps: Most agent steps of an episode.
        max_context: Most tokens of an episode. One that has no room for another whole turn
            ends unfinished.

    Raises:
        UserError: If a value is out of its range.
    """

    max_steps: int = field(kw_only=True)
    max_context: int = field(kw_only=True)

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.max_steps < 1:
            raise UserError(f"max_steps is {self.max_steps}: set it to 1 or more")
