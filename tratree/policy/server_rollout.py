"""Rollouts whose tokens come from vLLM servers, which batch and keep keys and values themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from tratree.envs.base import StepResult, TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.live_episode import LiveEpisode
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.server_pool import ServerPool
from tratree.trajectory.types import Trajectory


def roll_out_on_servers(
    servers: ServerPool,
    model: str,
    chat: ChatFormat,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    *,
    concurrent: int,
    env_threads: bool = False,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes like `run_episodes`, with a model of servers.

    Each request has a seed of the episode's own stream. The servers' logits depend on what they
    compute at the same time, so one seed gives one result only as far as those agree.

    Args:
        servers: Servers of the base model.
        model: The name under which they serve the model.
        chat: The chat format of the model.
        make_env: Makes an environment; called at most once for each of the `concurrent` episodes.
        episodes: Episodes to play.
        plan: Without a constraint; its engine is not used.
        concurrent: Most episodes at a time.
        env_threads: Whether environments are stepped in threads, which helps those that wait for
            another process; else they are in this one.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end, sampled token ids kept.

    Raises:
        UserError: If the limits do not fit the servers or the first turns, or those fail.
    """
    limits = plan.limits
    if limits.constraint != "none":
        raise UserError("a vLLM server plays without constraints: set constraint=none")
    for server in servers.servers:
        if limits.max_context > server.context:
            raise UserError(
                f"the context is {limits.max_context}, but {server.url} takes {server.context} "
                "tokens: start it with a larger --max-model-len, or lower model.context"
            )
    limits.check_label(chat)
    limits.check_prompt(chat)
    stop_ids = sorted(chat.stop_ids)
    waiting = deque(enumerate(episodes))
    envs: list[TextEnv] = []
    idle: list[TextEnv] = []
    done: SimpleQueue[tuple[LiveEpisode, Future[Any]]] = SimpleQueue()
    under_way = 0
    threads = ThreadPoolExecutor(min(concurrent, len(episodes) or 1))

    def call(
        live: LiveEpisode, function: Callable[..., Any], *told: Any, **how: Any
    ) -> Future[Any]:
        called = threads.submit(function, *told, **how)
        called.add_done_callback(lambda finished: done.put((live, finished)))
        return called

    def ask(live: LiveEpisode) -> None:
        assert live.turn
        call(
            live,
            servers.complete,
            model,
            tuple(live.token_ids),
            live.episode.sampling,
            max_tokens=limits.max_new_tokens - 1 - len(live.turn.token_ids),
            stop_ids=stop_ids,
            vocabulary=len(chat.tokenizer),
            seed=int(live.random.integers(2**31)),
        )

    def act(live: LiveEpisode, function: Callable[..., StepResult], *told: str) -> bool:
        """Have the environment do something; return whether the episode has ended."""
        if env_threads:
            live.call = call(live, function, *told)
            return False
        return observe(live, function(*told))

    def observe(live: LiveEpisode, result: StepResult) -> bool:
        """Take the environment's answer; return whether the episode has ended."""
        if live.observe(result):
            idle.append(live.env)
            return True
        ask(live)
        return False

    def hear(live: LiveEpisode, said: list[int]) -> bool:
        """Take what the model says; return whether the episode has ended."""
        live.hear(said)
        assert live.turn
        if live.turn.over:
            return act(live, live.env.step, live.action)
        ask(live)
        return False

    try:
        while waiting or under_way:
            if waiting and under_way < concurrent and done.empty():
                if not idle:
                    envs.append(make_env())
                    idle.append(envs[-1])
                index, episode = waiting.popleft()
                live = LiveEpisode(index, episode, idle.pop(), chat, plan)
                under_way += 1
                ended = act(live, live.start)
            else:
                live, called = done.get()
                if called is live.call:
                    ended = observe(live, called.result())
                else:
                    ended = hear(live, called.result())
            if ended:
                under_way -= 1
                yield live.index, live.trajectory()
    except BaseException:
        servers.give_up()
        raise
    finally:
        threads.shutdown(cancel_futures=True)
        for env in envs:
            env.close()
