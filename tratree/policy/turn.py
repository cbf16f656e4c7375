"""One turn of the agent while its tokens are drawn: what may come next, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.rollout_settings import RolloutLimits

_LONGEST_REPEATED = 16


class Turn:
    """The tokens of a turn so far.

    Attributes:
        token_ids: The tokens, stop token included once it is over.
        inserted: The positions in `token_ids` of what the limits put there.
        over: Whether the turn is over.
    """

    def __init__(
        self, chat: ChatFormat, limits: RolloutLimits, admissible: Callable[[], Sequence[str]]
    ) -> None:
        """Start a turn.

        Args:
            chat: The chat format of the model.
            limits: Limits of the turn.
            admissible: Returns what the environment accepts now; called where only that may follow.
        """
        self.token_ids: list[int] = []
        self.inserted: list[int] = []
        self.over = False
        self._chat = chat
        self._limits = limits
        self._admissible = admissible
        self._watched = limits.thought_tokens is not None
        self._action_start: int | None = None
        self._choices: list[tuple[int, ...]] = []

    def restrict(self, logits: Tensor) -> None:
        """Set the logits [V] of tokens that may not come next to minus infinity, in place."""
        if self._limits.constraint == "none":
            return
        if self._limits.constraint == "admissible" and self._action_start is not None:
            said = tuple(self.token_ids[self._action_start :])
            allowed = sorted({c[len(said)] for c in self._choices if c[: len(said)] == said})
            kept = logits[allowed]
            logits.fill_(-torch.inf)
            logits[allowed] = kept
        elif self._action_start is None:
            logits[sorted(self._chat.control_ids)] = -torch.inf
        elif not self._chat.decode(self.token_ids[self._action_start :]):
            logits[sorted(self._chat.blank_ids)] = -torch.inf

    def add(self, token: int) -> list[int]:
        """Take the token that was drawn; return it and what the limits put after it.

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
            if self._chat.turn_form.has_label(self._chat.decode(self.token_ids)):
                self._start_action()
            elif len(self.token_ids) == self._limits.thought_tokens:
                added += self._chat.action_label
        end = len(self.token_ids)
        self.token_ids += added[1:]
        self.inserted += range(end, len(self.token_ids))
        if len(added) > 1 and not self.over:
            self._start_action()
        return added

    def _is_cut(self, token: int) -> bool:
        return (
            len(self.token_ids) >= self._limits.max_new_tokens - 1
            or self._repeats()
            or (self._chat.may_complete(token) and self._has_whole_action())
        )

    def _has_whole_action(self) -> bool:
        """Return whether nothing may follow: in most forms, a line break after an action."""
        return self._chat.turn_form.is_whole(self._chat.decode(self.token_ids) + "\n")

    def _repeats(self) -> bool:
        times, said = self._limits.max_repeats, self.token_ids
        if times is None or self._limits.constraint != "none":  # there, an action must follow
            return False
        return any(
            said[-size * times :] == said[-size:] * times
            for size in range(1, min(_LONGEST_REPEATED, len(said) // times) + 1)
        )

    def _start_action(self) -> None:
        self._action_start = len(self.token_ids)
        if self._limits.constraint != "admissible":
            return
        room = self._limits.max_new_tokens - len(self.token_ids)
        choices = map(self._chat.action_ids, self._admissible())
        self._choices = [choice for choice in choices if choice and len(choice) <= room]
        if not self._choices:
            raise UserError(
                f"no admissible action can be said in the {room} tokens that are left of a turn: "
                "set max_new_tokens higher, max_thought_tokens lower, or constraint=none"
            )
