"""One turn of the agent while its tokens are drawn: what may come next, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.trajectory.turns import has_action, locate_turn

CONSTRAINTS = ("none", "well_formed", "admissible")

_LONGEST_REPEATED = 16


@dataclass(frozen=True)
class TurnRules:
    """What an agent's turn may be. A turn that is cut ends with the stop token.

    A turn also ends with the line of its action: what a model writes after it is not kept.

    Attributes:
        max_new_tokens: Most tokens, stop token included.
        max_thought_tokens: A thought that is as long is cut, and the label of the action is put
            after it; None sets no limit.
        max_repeats: A turn that says the same up to 16 tokens so many times in a row is cut;
            None lets it go on.
        constraint: ``none``; ``well_formed``: an action must follow; ``admissible``: and it is one
            that the environment accepts now. With a constraint, a thought without a limit of its
            own may take half of the turn.

    Raises:
        UserError: If a value is out of its range.
    """

    max_new_tokens: int
    max_thought_tokens: int | None = None
    max_repeats: int | None = None
    constraint: str = "none"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.max_new_tokens < 2:
            raise UserError(f"max_new_tokens is {self.max_new_tokens}: set it to 2 or more")
        if self.max_thought_tokens is not None and self.max_thought_tokens < 1:
            raise UserError(f"max_thought_tokens is {self.max_thought_tokens}: set it to 1 or more")
        if self.max_repeats is not None and self.max_repeats < 2:
            raise UserError(f"max_repeats is {self.max_repeats}: set it to 2 or more")
        if self.constraint not in CONSTRAINTS:
            raise UserError(f"constraint is {self.constraint}: use {' or '.join(CONSTRAINTS)}")

    @property
    def thought_tokens(self) -> int | None:
        """Most tokens before the label of the action; None without a limit."""
        if self.max_thought_tokens is None and self.constraint != "none":
            return self.max_new_tokens // 2
        return self.max_thought_tokens

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


class Turn:
    """The tokens of a turn so far.

    Attributes:
        token_ids: The tokens, stop token included once it is over.
        over: Whether the turn is over.
    """

    def __init__(
        self, chat: ChatFormat, rules: TurnRules, admissible: Callable[[], Sequence[str]]
    ) -> None:
        """Start a turn.

        Args:
            chat: The chat format of the model.
            rules: What the turn may be.
            admissible: Returns what the environment accepts now; called if the rules ask for it.
        """
        self.token_ids: list[int] = []
        self.over = False
        self._chat = chat
        self._rules = rules
        self._admissible = admissible
        self._watched = rules.thought_tokens is not None
        self._action_start: int | None = None
        self._choices: list[tuple[int, ...]] = []

    def restrict(self, logits: Tensor) -> None:
        """Set the logits [V] of tokens that may not come next to minus infinity, in place."""
        if self._rules.constraint == "none":
            return
        if self._rules.constraint == "admissible" and self._action_start is not None:
            said = tuple(self.token_ids[self._action_start :])
            allowed = sorted({c[len(said)] for c in self._choices if c[: len(said)] == said})
            kept = logits[allowed]
            logits.fill_(-torch.inf)
            logits[allowed] = kept
        elif self._action_start is None or not self._has_action():
            logits[sorted(self._chat.control_ids)] = -torch.inf

    def add(self, token: int) -> list[int]:
        """Take the token that was drawn; return it and what the rules put after it.

        Raises:
            UserError: If only admissible actions may follow and none fits into the turn.
        """
        self.token_ids.append(token)
        added = [token]
        if token in self._chat.stop_ids:
            self.over = True
        elif self._is_cut(token):
            self.over = True
            added.append(self._chat.stop_id)
        elif self._watched and self._action_start is None:
            if has_action(self._chat.decode(self.token_ids)):
                self._start_action()
            elif len(self.token_ids) == self._rules.thought_tokens:
                added += self._chat.action_label
        self.token_ids += added[1:]
        if len(added) > 1 and not self.over:
            self._start_action()
        return added

    def _is_cut(self, token: int) -> bool:
        return (
            len(self.token_ids) >= self._rules.max_new_tokens - 1
            or self._repeats()
            or (self._chat.breaks_line(token) and self._has_whole_action())
        )

    def _has_whole_action(self) -> bool:
        """Return whether a line break stands after an action."""
        text = self._chat.decode(self.token_ids) + "\n"
        return has_action(text) and "\n" in text[locate_turn(text)[1].start :]

    def _repeats(self) -> bool:
        times, said = self._rules.max_repeats, self.token_ids
        if times is None:
            return False
        return any(
            said[-size * times :] == said[-size:] * times
            for size in range(1, min(_LONGEST_REPEATED, len(said) // times) + 1)
        )

    def _start_action(self) -> None:
        self._action_start = len(self.token_ids)
        if self._rules.constraint != "admissible":
            return
        room = self._rules.max_new_tokens - len(self.token_ids)
        choices = map(self._chat.action_ids, self._admissible())
        self._choices = [choice for choice in choices if len(choice) <= room]
        if not self._choices:
            raise UserError(
                f"no admissible action fits into the {room} tokens that are left of a turn: set "
                "max_new_tokens higher, or max_thought_tokens lower"
            )

    def _has_action(self) -> bool:
        return bool(self._chat.decode(self.token_ids[self._action_start :]))
