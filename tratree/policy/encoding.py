"""A trajectory as token ids, with a mask of the agent's own tokens."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tratree.policy.chat import ChatFormat
from tratree.trajectory.types import Trajectory


@dataclass(frozen=True)
class EncodedTrajectory:
    """Token ids of a whole episode; it ends with the last agent turn's stop token.

    Attributes:
        token_ids: All tokens, length L.
        agent_mask: True exactly on the agent's own tokens, stop tokens included except for those
            that a limit of the rollout put there and turns that are not a target, length L.
        turn_starts: For each step, the index of its first agent token.
    """

    token_ids: Sequence[int]
    agent_mask: Sequence[bool]
    turn_starts: tuple[int, ...]

    def compact(self) -> EncodedTrajectory:
        """Return the same in 5 bytes a token, not 44."""
        mask: Any = array("b", self.agent_mask)
        return EncodedTrajectory(array("i", self.token_ids), mask, self.turn_starts)


def without_token_ids(trajectory: Trajectory) -> Trajectory:
    """Return the trajectory as texts only, for a model that reads other token ids."""
    steps = tuple(replace(step, token_ids=(), inserted=()) for step in trajectory.steps)
    return replace(trajectory, steps=steps)


def encode_trajectory(chat: ChatFormat, trajectory: Trajectory) -> EncodedTrajectory:
    """Encode an episode; sampled token ids are used as they are, other turns are formatted."""
    token_ids: list[int] = []
    agent_mask: list[bool] = []
    turn_starts: list[int] = []
    shown = chat.first_turn(trajectory.first_observation)
    for step in trajectory.steps:
        turn = step.token_ids or chat.agent_turn(step.thought, step.action)
        turn_starts.append(len(token_ids) + len(shown))
        token_ids += [*shown, *turn]
        agent_mask += [False] * len(shown)
        agent_mask += [step.trained and n not in step.inserted for n in range(len(turn))]
        shown = chat.next_turn(step.observation)
    return EncodedTrajectory(tuple(token_ids), tuple(agent_mask), tuple(turn_starts))
