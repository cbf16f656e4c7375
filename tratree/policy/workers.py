"""Rollouts in several processes, each with its own model and environments."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext

import torch
from transformers import PreTrainedModel

from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.rollout import Episode, RolloutEngine, RolloutLimits, run_episodes
from tratree.preemption import shielded_children
from tratree.trajectory.types import Trajectory

LoadPolicy = Callable[[], tuple[PreTrainedModel, ChatFormat]]

_PRELOADED = ["tratree.policy.workers", "transformers.models.llama.modeling_llama"]
_MOST_DEATHS = 3
_SECONDS_TO_CLOSE = 5.0


def roll_out(
    load_policy: LoadPolicy,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    *,
    seed: int,
    stage: str,
    batch_size: int,
    limits: RolloutLimits,
    source: str,
    workers: int,
    preload: Sequence[str] = (),
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes in one or more processes; the trajectories are the same for any number.

    Args:
        load_policy: Returns the model and its chat format; called once a worker.
        make_env: Makes an environment. With more than one worker both are pickled, as are
            partials of functions of a module.
        episodes: What to play; dealt to the workers as they have room.
        seed: See `run_episodes`, as for `stage`, `limits` and `source`.
        stage: See there.
        batch_size: Most episodes at a time in one worker.
        limits: See there.
        source: See there.
        workers: How many processes; 1 plays in this one. More share its PyTorch threads.
        preload: Modules that environments need and that are slow to import: the first call in
            a program imports them once for all workers to come.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end.

    Raises:
        UserError: As `run_episodes`, or if workers keep dying.
        RuntimeError: If a worker fails otherwise, with its traceback.
    """
    workers = min(workers, len(episodes))
    if workers <= 1:
        model, chat = load_policy()
        yield from run_episodes(
            model,
            chat,
            make_env,
            episodes,
            seed=seed,
            stage=stage,
            batch_size=batch_size,
            limits=limits,
            source=source,
        )
        return
    each = -(-len(episodes) // workers)
    make_engine = partial(
        RolloutEngine,
        make_env=make_env,
        seed=seed,
        stage=stage,
        batch_size=min(batch_size, each),
        limits=limits,
        source=source,
    )
    threads = max(1, torch.get_num_threads() // workers)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED, *preload])
    start = partial(_Worker, context, partial(_work, load_policy, make_engine, episodes, threads))
    yield from _deal(start, len(episodes), workers, ahead=min(each, batch_size * 5 // 4 + 1))


class _Worker:
    """A worker process and the indices of the episodes that it has yet to finish."""

    def __init__(self, context: ForkServerContext, work: Callable[[Connection], None]) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        with shielded_children():
            self.process.start()
        theirs.close()
        self.dealt: set[int] = set()

    def deal(self, waiting: deque[int], ahead: int) -> None:
        """Take waiting episodes until `ahead` are unfinished."""
        while waiting and len(self.dealt) < ahead:
            index = waiting.popleft()
            self.dealt.add(index)
            with suppress(OSError):  # a dead worker is noticed when its answer is read
                self.connection.send(index)


def _deal(
    start: Callable[[], _Worker], count: int, workers: int, ahead: int
) -> Iterator[tuple[int, Trajectory]]:
    """Deal `count` episodes to workers, again if one dies, and pass on what they send."""
    waiting = deque(range(count))
    crew: list[_Worker] = []
    deaths = 0
    try:
        for _ in range(workers):
            crew.append(start())
        while waiting or any(worker.dealt for worker in crew):
            for worker in crew:
                worker.deal(waiting, ahead)
            by_connection = {worker.connection: worker for worker in crew}
            for connection in wait(list(by_connection)):
                assert isinstance(connection, Connection)
                worker = by_connection[connection]
                try:
                    answer = connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    connection.close()
                    deaths += 1
                    if deaths > _MOST_DEATHS:
                        raise UserError(
                            f"{deaths} rollout workers died, the last with exit code "
                            f"{worker.process.exitcode}: free memory or use fewer workers"
                        ) from None
                    waiting.extendleft(sorted(worker.dealt, reverse=True))
                    crew[crew.index(worker)] = start()
                    continue
                if isinstance(answer, Exception):
                    raise answer
                worker.dealt.remove(answer[0])
                yield answer
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.process.join(_SECONDS_TO_CLOSE)
            worker.process.kill()
            worker.process.join()
            worker.connection.close()


def _work(
    load_policy: LoadPolicy,
    make_engine: Callable[[PreTrainedModel, ChatFormat], RolloutEngine],
    episodes: Sequence[Episode],
    threads: int,
    connection: Connection,
) -> None:
    """Play the episodes whose indices come in, until told to stop or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    try:
        with closing(make_engine(*load_policy())) as engine:
            while True:
                while engine.free and (not engine.live or connection.poll()):
                    index = connection.recv()
                    engine.add(index, episodes[index])
                for ended in engine.advance():
                    connection.send(ended)
    except Exception as error:
        with suppress(OSError):  # the parent is gone
            connection.send(
                error
                if isinstance(error, UserError)
                else RuntimeError(f"a rollout worker failed:\n{traceback.format_exc()}")
            )


def _stop_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_CLOSE)
    os._exit(1)
