"""What a rollout is told of its episodes: which ones, and when turns and episodes are cut."""

from __future__ import annotations

from dataclasses import dataclass

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.sampling import SamplingSettings
from tratree.trajectory.types import Task

CONSTRAINTS = ("none", "well_formed", "admissible")


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
class RolloutLimits:
    """What an agent's turn may be, and when turns and episodes are cut.

    A turn that is cut ends with the stop token, which is then no target of a training. A turn also
    ends with the line of its action: what a model writes after it is not kept.

    Attributes:
        max_steps: Most agent steps of an episode.
        max_new_tokens: Most tokens of an agent's turn, stop token included.
        max_context: Most tokens of an episode. One that has no room for another whole turn
            ends unfinished.
        max_thought_tokens: A thought that is as long is cut, and the label of the action is put
            after it; None sets no limit.
        max_repeats: Without a constraint, a turn that says the same up to 16 tokens so many times
            in a row is cut; None lets it go on.
        constraint: ``none``; ``well_formed``: an action must follow; ``admissible``: and it is one
            that the environment accepts now. With a constraint, a thought without a limit of its
            own may take half of the turn.

    Raises:
        UserError: If a value is out of its range.
    """

    max_steps: int
    max_new_tokens: int
    max_context: int
    max_thought_tokens: int | None = None
    max_repeats: int | None = None
    constraint: str = "none"

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, low in (
            ("max_steps", 1),
            ("max_new_tokens", 2),
            ("max_thought_tokens", 1),
            ("max_repeats", 2),
        ):
            value = getattr(self, name)
            if value is not None and value < low:
                raise UserError(f"{name} is {value}: set it to {low} or more")
        if self.constraint not in CONSTRAINTS:
            raise UserError(f"constraint is {self.constraint}: use {' or '.join(CONSTRAINTS)}")

    @property
    def thought_tokens(self) -> int | None:
        """Most tokens before the label of the action; None without a limit."""
        if self.max_thought_tokens is None and self.constraint != "none":
            return self.max_new_tokens // 2
        return self.max_thought_tokens

    def check_prompt(self, chat: ChatFormat) -> None:
        """Check that the prompt leaves room for a turn.

        Raises:
            UserError: If it does not.
        """
        needed = len(chat.prefix) + self.max_new_tokens
        if chat.prefix and needed >= self.max_context:
            raise UserError(
                f"the prompt has {len(chat.prefix)} tokens and a turn {self.max_new_tokens}, so a "
                f"context of {self.max_context} has no room for a task: set model.context to more "
                f"than {needed}, or give a shorter env.prompt"
            )

    def check_label(self, chat: ChatFormat) -> None:
        """Check that label and action fit after the longest thought.

        Raises:
            UserError: If they do not.
        """
        if self.thought_tokens is None:
            return
        needed = self.thought_tokens + len(chat.action_label) + 2
        if needed > self.max_new_tokens:
            raise UserError(
                f"a thought of {self.thought_tokens} tokens leaves no room for an action: set "
                f"max_new_tokens to {needed} or more, or max_thought_tokens lower"
            )
