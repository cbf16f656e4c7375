"""An episode under way: the conversation so far, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from tratree.envs.base import StepResult, TextEnv, trajectory_of
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.turn import Turn
from tratree.trajectory.types import Step, Trajectory


@dataclass
class LiveEpisode:
    """Takes turns: `observe` what the environment answers, `hear` what the agent says.

    Attributes:
        index: Its number among the episodes that are played.
        random: Its own stream of random numbers, whatever else is played.
        call: Call that it waits for, if any.
        token_ids: The whole conversation so far.
        turn: The agent's turn under way; None before the first observation.
    """

    index: int
    episode: Episode
    env: TextEnv
    chat: ChatFormat
    plan: RolloutPlan
    random: np.random.Generator = field(init=False)
    call: Future[Any] | None = None
    token_ids: list[int] = field(default_factory=list)
    first_observation: str = ""
    result: StepResult | None = None
    turn: Turn | None = None
    steps: list[Step] = field(default_factory=list)
    replayed: list[StepResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the stream, which seed, stage, task and sample determine."""
        names = (self.plan.stage, self.episode.task.task_id)
        key = [self.plan.seed, *(crc32(name.encode()) for name in names), self.episode.sample]
        self.random = np.random.default_rng(np.random.SeedSequence(key))

    def start(self) -> StepResult:
        """Reset the environment and play the episode's first steps again.

        Returns:
            The environment's first answer; `observe` takes the others from `replayed`.
        """
        first = self.env.reset(self.episode.task)
        self.replayed = [self.env.step(step.action) for step in self.episode.begins]
        return first

    def hear(self, tokens: Iterable[int]) -> None:
        """Take tokens of the agent, up to the first where the limits put something after it."""
        assert self.turn
        for token in tokens:
            added = self.turn.add(token)
            self.token_ids += added
            if self.turn.over or len(added) > 1:
                return

    @property
    def action(self) -> str:
        """The action of the turn."""
        assert self.turn
        return self.chat.parse(self.turn.token_ids)[1]

    def observe(self, result: StepResult) -> bool:
        """Take the environment's answer, the first one or that to the turn's action.

        Returns:
            Whether the episode ends.

        Raises:
            UserError: If the first observation leaves no room for a turn, or first steps that are
                played again give other observations.
        """
        limits = self.plan.limits
        self.call, self.result = None, result
        if self.turn is None:
            self.first_observation = result.observation
            self.token_ids = self.chat.first_turn(result.observation)
            needed = len(self.token_ids) + limits.max_new_tokens
            if needed > limits.max_context:
                raise UserError(
                    f"the first turn of task {self.episode.task.task_id} needs {needed} tokens"
                    f"{self._of_the_prompt()}: set model.context to more than {limits.max_context}"
                    ", or shorten what opens it (env.show_at_most, env.prompt)"
                )
            for step, answer in zip(self.episode.begins, self.replayed, strict=True):
                self._replay(step, answer)
        else:
            said, inserted = tuple(self.turn.token_ids), tuple(self.turn.inserted)
            thought, action = self.chat.parse(said)
            step = Step(thought, action, result.observation, said, result.valid, inserted)
            self.steps.append(step)
            self.token_ids += self.chat.next_turn(result.observation)
        self.turn = Turn(self.chat, limits, self.env.admissible)
        return bool(self.steps) and (
            result.finished
            or len(self.steps) == min(limits.max_steps, self.env.max_steps)
            or len(self.token_ids) + limits.max_new_tokens > limits.max_context
        )

    def _replay(self, step: Step, answer: StepResult) -> None:
        if answer.observation != step.observation:
            raise UserError(
                f"task {self.episode.task.task_id}, played again, answers {step.action!r} with "
                f"another observation: explore.branching needs an environment that repeats itself"
            )
        self.result = answer
        self.steps.append(replace(step, valid=answer.valid))
        self.token_ids += step.token_ids or self.chat.agent_turn(step.thought, step.action)
        self.token_ids += self.chat.next_turn(answer.observation)

    def _of_the_prompt(self) -> str:
        count = len(self.chat.prefix)
        return f", {count} of them the prompt's" if count else ""

    def trajectory(self) -> Trajectory:
        """Return the trajectory of an episode that has ended."""
        assert self.result
        return trajectory_of(
            *(self.episode.task, self.first_observation, self.steps, self.result),
            sample=self.episode.sample,
            source=self.plan.source,
            replayed=len(self.episode.begins),
        )
