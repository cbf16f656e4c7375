"""The rollout engine: many live episodes in one batch, keys and values kept across turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from zlib import crc32

import numpy as np
from transformers import PreTrainedModel

from tratree.envs.base import StepResult, TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.live_batch import LiveBatch
from tratree.policy.sampling import SamplingSettings, sample
from tratree.trajectory.turns import parse_turn
from tratree.trajectory.types import Step, Task, Trajectory


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
    """When turns and episodes are cut.

    Attributes:
        max_steps: Most agent steps of an episode.
        max_new_tokens: Most tokens of an agent's turn, stop token included. A turn that
            reaches it ends with the stop token.
        max_context: Most tokens of an episode. One that has no room for another whole turn
            ends unfinished.

    Raises:
        UserError: If a value is out of its range.
    """

    max_steps: int
    max_new_tokens: int
    max_context: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.max_steps < 1:
            raise UserError(f"max_steps is {self.max_steps}: set it to 1 or more")
        if self.max_new_tokens < 2:
            raise UserError(f"max_new_tokens is {self.max_new_tokens}: set it to 2 or more")


@dataclass
class _LiveEpisode:
    index: int
    episode: Episode
    env: TextEnv
    random: np.random.Generator
    first_observation: str
    result: StepResult
    pending: deque[int]  # known tokens that the model has yet to be fed
    turn: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


class RolloutEngine:
    """Plays up to `batch_size` episodes at a time; `add` and `advance` take turns."""

    def __init__(
        self,
        model: PreTrainedModel,
        chat: ChatFormat,
        make_env: Callable[[], TextEnv],
        *,
        seed: int,
        stage: str,
        batch_size: int,
        limits: RolloutLimits,
        source: str,
    ) -> None:
        """Set up an engine without episodes; arguments as of `run_episodes`."""
        if batch_size < 1:
            raise UserError(f"batch_size is {batch_size}: set it to 1 or more")
        self._batch = LiveBatch(model, batch_size, limits.max_context)
        self._chat = chat
        self._make_env = make_env
        self._key = seed, crc32(stage.encode())
        self._batch_size = batch_size
        self._limits = limits
        self._source = source
        self._live: list[_LiveEpisode] = []
        self._envs: list[TextEnv] = []
        self._idle_envs: list[TextEnv] = []

    @property
    def live(self) -> int:
        """How many episodes are under way."""
        return len(self._live)

    @property
    def free(self) -> int:
        """How many more episodes fit into the batch."""
        return self._batch_size - len(self._live)

    def add(self, index: int, episode: Episode) -> None:
        """Start an episode in a free slot.

        Raises:
            UserError: If its first observation leaves no room for a turn.
        """
        task = episode.task
        if not self._idle_envs:
            self._envs.append(self._make_env())
            self._idle_envs.append(self._envs[-1])
        env = self._idle_envs.pop()
        result = env.reset(task)
        pending = deque(self._chat.first_turn(result.observation))
        needed = len(pending) + self._limits.max_new_tokens
        if needed > self._limits.max_context:
            raise UserError(
                f"the first turn of task {task.task_id} needs {needed} tokens: set max_context "
                f"to more than {self._limits.max_context}"
            )
        key = [*self._key, crc32(task.task_id.encode()), episode.sample]
        random = np.random.default_rng(np.random.SeedSequence(key))
        self._live.append(
            _LiveEpisode(index, episode, env, random, result.observation, result, pending)
        )
        self._batch.append()

    def advance(self) -> list[tuple[int, Trajectory]]:
        """Let every episode go on by one token; return (index, trajectory) of those that end.

        Known tokens (observations, first turns) can be fed one by one with everybody else's
        next token, or many at once by a prefill pass of their own. The latter pays as soon as
        it moves more tokens than a pass over the batch does.
        """
        known = {row: len(live.pending) - 1 for row, live in enumerate(self._live)}
        if sum(known.values()) >= len(self._live):
            self._batch.prefill(
                {
                    row: [self._live[row].pending.popleft() for _ in range(count)]
                    for row, count in known.items()
                    if count
                }
            )
        logits = self._batch.decode([live.pending.popleft() for live in self._live])
        rows = [row for row, live in enumerate(self._live) if not live.pending]
        speakers = [self._live[row] for row in rows]
        sampled = sample(
            logits if len(rows) == len(logits) else logits[rows],
            [live.episode.sampling for live in speakers],
            [live.random.random() for live in speakers],
        )
        ended = []
        for row, token in zip(rows, sampled.tolist(), strict=True):
            if self._take_token(row, token):
                ended.append(row)
        return [self._finish(row) for row in reversed(ended)]

    def close(self) -> None:
        """Close all environments."""
        for env in self._envs:
            env.close()

    def _take_token(self, row: int, token: int) -> bool:
        """Append a sampled token and act if it ends the turn; return whether the episode ends."""
        live = self._live[row]
        live.turn.append(token)
        live.pending.append(token)
        if token not in self._chat.stop_ids:
            if len(live.turn) < self._limits.max_new_tokens - 1:
                return False
            live.turn.append(self._chat.stop_id)
            live.pending.append(self._chat.stop_id)
        thought, action = parse_turn(self._chat.decode(live.turn))
        live.result = live.env.step(action)
        observation = live.result.observation
        live.steps.append(Step(thought, action, observation, tuple(live.turn), live.result.valid))
        live.turn.clear()
        live.pending.extend(self._chat.next_turn(observation))
        context = self._batch.lengths[row] + len(live.pending)
        return (
            live.result.finished
            or len(live.steps) == min(self._limits.max_steps, live.env.max_steps)
            or context + self._limits.max_new_tokens > self._limits.max_context
        )

    def _finish(self, row: int) -> tuple[int, Trajectory]:
        live, last = self._live[row], self._live.pop()
        if live is not last:
            self._live[row] = last
        self._batch.remove(row)
        self._idle_envs.append(live.env)
        return live.index, Trajectory(
            task=live.episode.task,
            first_observation=live.first_observation,
            steps=tuple(live.steps),
            score=live.result.score,
            success=live.result.success,
            finished=live.result.finished,
            sample=live.episode.sample,
            source=self._source,
        )


def run_episodes(
    model: PreTrainedModel,
    chat: ChatFormat,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    *,
    seed: int,
    stage: str,
    batch_size: int,
    limits: RolloutLimits,
    source: str,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes, the next one starting as soon as one ends.

    A trajectory depends on the model, its task, sample and settings, the seed and the stage
    only, not on the batch it is played in, as far as the model's logits do: give it in float64
    on a CPU.

    Args:
        model: A causal language model of transformers in evaluation mode, adapters allowed.
        chat: The chat format of the model.
        make_env: Makes an environment; called for each of the batch's slots at most once.
        episodes: What to play.
        seed: Random seed.
        stage: Name of what the episodes are for; another name gives other draws.
        batch_size: Most episodes at a time.
        limits: When turns and episodes are cut.
        source: Label of the trajectories.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end, sampled token ids kept.

    Raises:
        UserError: If the model or an episode's first turn does not fit the limits, or
            `batch_size` is below 1.
    """
    if not episodes:
        return
    engine = RolloutEngine(
        model,
        chat,
        make_env,
        seed=seed,
        stage=stage,
        batch_size=min(batch_size, len(episodes)),
        limits=limits,
        source=source,
    )
    waiting = iter(enumerate(episodes))
    with closing(engine):
        while True:
            for index, episode in islice(waiting, engine.free):
                engine.add(index, episode)
            if not engine.live:
                return
            yield from engine.advance()
