"""The rollout engine: many live episodes in one batch, keys and values kept across turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tratree.envs.base import StepResult, TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.live_batch import LiveBatch
from tratree.policy.live_episode import LiveEpisode
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.sampling import sample
from tratree.trajectory.types import Trajectory


class RolloutEngine:
    """Plays many episodes at a time; `add` and `advance` take turns."""

    def __init__(
        self,
        model: PreTrainedModel,
        chat: ChatFormat,
        make_env: Callable[[], TextEnv],
        plan: RolloutPlan,
        *,
        report: Callable[[str], None] = print,
    ) -> None:
        """Set up an engine without episodes; arguments as of `run_episodes`."""
        limits, threads = plan.limits, plan.engine.env_threads
        limits.check_label(chat)
        limits.check_prompt(chat)
        sharing = 1 if plan.places is None else plan.places.sharing
        self._slots = plan.engine.episodes(model, limits.max_context, sharing)
        self._batch = LiveBatch(model, self._slots, limits.max_context, chat.prefix)
        self._chat = chat
        self._make_env = make_env
        self._plan = plan
        self._report = report
        self._threads = ThreadPoolExecutor(threads) if threads else None
        self._live: list[LiveEpisode] = []
        self._parked: list[LiveEpisode] = []
        self._envs: list[TextEnv] = []
        self._idle_envs: list[TextEnv] = []

    @property
    def live(self) -> int:
        """Number of episodes under way."""
        return len(self._live) + len(self._parked)

    @property
    def free(self) -> int:
        """Number of further episodes that fit into the batch."""
        return max(0, self._slots - self.live)

    def add(self, index: int, episode: Episode) -> None:
        """Start an episode in a free slot."""
        if not self._idle_envs:
            self._envs.append(self._make_env())
            self._idle_envs.append(self._envs[-1])
        env = self._idle_envs.pop()
        live = LiveEpisode(index, episode, env, self._chat, self._plan)
        live.call = self._call(live.start)
        self._live.append(live)
        self._batch.append()

    def advance(self) -> list[tuple[int, Trajectory]]:
        """Advance every episode by one token; return (index, trajectory) of those that end.

        If all of them wait for their environments, it waits for the first that answers.

        Raises:
            UserError: If the first observation of an episode leaves no room for a turn, or
                memory runs out with one episode at a time.
        """
        ended = self._take_answers()
        calls = [live.call for live in self._live if live.call]
        if len(calls) < len(self._live):
            self._speak()
        elif calls and not ended:
            wait(calls, return_when=FIRST_COMPLETED)
        return ended + self._take_answers()

    def close(self) -> None:
        """Close all environments."""
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        for env in self._envs:
            env.close()

    def _call(self, function: Callable[..., StepResult], *arguments: str) -> Future[StepResult]:
        if self._threads:
            return self._threads.submit(function, *arguments)
        answered: Future[StepResult] = Future()
        answered.set_result(function(*arguments))
        return answered

    def _speak(self) -> None:
        """Draw the next token of every episode that waits for nothing."""
        try:
            self._batch.drop_stale()
            logits = self._next_logits()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            logits = None  # outside of this block the failed pass is free again
        if logits is None:
            self._halve()
            return
        rows = [
            row
            for row, live in enumerate(self._live)
            if not live.call and self._batch.lengths[row] == len(live.token_ids)
        ]
        if not rows:
            return
        speakers = [self._live[row] for row in rows]
        logits = logits[rows]
        for row, live in enumerate(speakers):
            assert live.turn
            live.turn.restrict(logits[row])
        sampled = sample(
            logits,
            [live.episode.sampling for live in speakers],
            [live.random.random() for live in speakers],
        )
        for live, token in zip(speakers, sampled.tolist(), strict=True):
            live.hear([token])
            if live.turn and live.turn.over:
                live.call = self._call(live.env.step, live.action)

    def _next_logits(self) -> Tensor:
        """Feed known tokens up to the last, and the next token of every row.

        Known tokens (observations, first turns) can be fed one by one with everybody else's
        next token, or many at once by a prefill pass of their own. The latter pays as soon as
        it moves more tokens than a pass over the batch does.
        """
        self._batch.feed_prefix()
        fed = self._batch.lengths
        ready = [row for row, live in enumerate(self._live) if not live.call]
        known = {row: self._live[row].token_ids[fed[row] : -1] for row in ready}
        if sum(map(len, known.values())) >= len(self._live):
            self._batch.prefill({row: tokens for row, tokens in known.items() if tokens})
        return self._batch.decode(
            [None if live.call else live.token_ids[fed[row]] for row, live in enumerate(self._live)]
        )

    def _halve(self) -> None:
        """Continue with half of the episodes; the others wait with all they have said so far."""
        if len(self._live) == 1:
            raise UserError(
                "out of memory with one episode at a time: free memory, use fewer workers, or "
                "lower the context"
            )
        before, self._slots = len(self._live), len(self._live) // 2
        self._parked += self._live[self._slots :]
        del self._live[self._slots :]
        self._batch.reset(self._slots, len(self._live))
        self._report(
            f"out of memory with {before} episodes at a time: continuing with {self._slots}"
        )

    def _take_answers(self) -> list[tuple[int, Trajectory]]:
        """Continue episodes whose environment has answered; return those that end."""
        ended = []
        for row in reversed(range(len(self._live))):
            call = self._live[row].call
            if call and call.done() and self._live[row].observe(call.result()):
                ended.append(self._finish(row))
        while self._parked and len(self._live) < self._slots:
            self._live.append(self._parked.pop())
            self._batch.append()
        return ended

    def _finish(self, row: int) -> tuple[int, Trajectory]:
        live, last = self._live[row], self._live.pop()
        if live is not last:
            self._live[row] = last
        self._batch.remove(row)
        self._idle_envs.append(live.env)
        return live.index, live.trajectory()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that there was not enough memory, on a CPU or a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def run_episodes(
    model: PreTrainedModel,
    chat: ChatFormat,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    *,
    report: Callable[[str], None] = print,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes, the next one starting as soon as one ends.

    A trajectory depends on the model, its task, sample and settings, the seed and the stage
    only, not on the batch it is played in, as far as the model's logits do: give it in float64
    on a CPU (README beside this file).

    Args:
        model: A causal language model of transformers in evaluation mode, adapters allowed.
        chat: The chat format of the model.
        make_env: Makes an environment; called for each of the batch's slots at most once.
        episodes: Episodes to play.
        plan: Plan of the rollout, in this process alone.
        report: Gets a line where the engine has to do with less memory.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end, sampled token ids kept.

    Raises:
        UserError: If the model or an episode's first turn does not fit the limits or the memory.
    """
    if not episodes:
        return
    batch_size = min(plan.engine.batch_size, len(episodes))
    plan = replace(plan, engine=replace(plan.engine, batch_size=batch_size))
    engine = RolloutEngine(model, chat, make_env, plan, report=report)
    waiting = iter(enumerate(episodes))
    with closing(engine):
        while True:
            for index, episode in islice(waiting, engine.free):
                engine.add(index, episode)
            if not engine.live:
                return
            yield from engine.advance()
