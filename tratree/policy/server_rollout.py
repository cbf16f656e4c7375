"""Rollouts whose tokens come from a vLLM server, which batches and keeps keys and values itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.live_episode import LiveEpisode
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.vllm_server import VllmServer
from tratree.trajectory.types import Trajectory


def roll_out_on_server(
    server: VllmServer,
    model: str,
    chat: ChatFormat,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes like `run_episodes`, with a server's model; environments step in this thread.

    Each request has a seed of the episode's own stream. The server's logits depend on what it
    computes at the same time, so one seed gives one result only as far as those agree.

    Args:
        server: A server of the base model.
        model: The name under which it serves the model.
        chat: The chat format of the model.
        make_env: Makes an environment; called at most once for each episode of a batch.
        episodes: What to play.
        plan: How; without a constraint, and with the batch size as most requests at a time.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end, sampled token ids kept.

    Raises:
        UserError: If the limits do not fit the server or the first turns, or it fails.
    """
    limits, concurrent = plan.limits, plan.engine.batch_size
    if limits.constraint != "none":
        raise UserError("a vLLM server plays without constraints: set constraint=none")
    if limits.max_context > server.context:
        raise UserError(
            f"the context is {limits.max_context}, but {server.url} takes {server.context} tokens: "
            "start it with a larger --max-model-len, or lower model.context"
        )
    limits.check_label(chat)
    limits.check_prompt(chat)
    stop_ids = sorted(chat.stop_ids)
    waiting = deque(enumerate(episodes))
    envs: list[TextEnv] = []
    idle: list[TextEnv] = []
    speaking: dict[Future[list[int]], LiveEpisode] = {}
    threads = ThreadPoolExecutor(concurrent)

    def ask(live: LiveEpisode) -> None:
        assert live.turn
        call = threads.submit(
            server.complete,
            model,
            tuple(live.token_ids),
            live.episode.sampling,
            max_tokens=limits.max_new_tokens - 1 - len(live.turn.token_ids),
            stop_ids=stop_ids,
            vocabulary=len(chat.tokenizer),
            seed=int(live.random.integers(2**31)),
        )
        speaking[call] = live

    try:
        while waiting or speaking:
            while waiting and len(speaking) < concurrent:
                if not idle:
                    envs.append(make_env())
                    idle.append(envs[-1])
                index, episode = waiting.popleft()
                live = LiveEpisode(index, episode, idle.pop(), chat, plan)
                live.observe(live.start())
                ask(live)
            for call in wait(speaking, return_when=FIRST_COMPLETED).done:
                live = speaking.pop(call)
                live.hear(call.result())
                assert live.turn
                if live.turn.over and live.observe(live.env.step(live.action)):
                    idle.append(live.env)
                    yield live.index, live.trajectory()
                else:
                    ask(live)
    finally:
        threads.shutdown(cancel_futures=True)
        for env in envs:
            env.close()
