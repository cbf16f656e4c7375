"""Rollouts in several processes, each with its own model and environments."""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from typing import Any

import torch

from tratree.child_processes import SECONDS_TO_CLOSE, shielded_children
from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.large_imports import import_in_server
from tratree.policy.machine_settings import WorkerSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.watched_env import IDLE
from tratree.policy.worker_process import Duty, LoadPolicy, Retired, work
from tratree.trajectory.types import Trajectory

PRELOADED = ["tratree.policy.workers", "transformers.models.llama.modeling_llama"]
"""Imported once for all workers; none may initialise CUDA."""
_MOST_DEATHS = 3


def roll_out(
    load_policy: LoadPolicy,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    *,
    report: Callable[[str], None] = print,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes in one or more processes; the trajectories are the same for any number.

    Args:
        load_policy: Returns the model and its chat format; called once a worker.
        make_env: Makes an environment. With more than one worker both are pickled, as are
            partials of functions of a module.
        episodes: Episodes to play; dealt to the workers as they have room.
        plan: Plan of the rollout.
        report: Gets a line for each worker that is replaced, and what engines report.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end.

    Raises:
        UserError: As `run_episodes`, or if workers keep dying.
        RuntimeError: If a worker fails otherwise, with its traceback.
    """
    if not episodes:
        return
    count = min(plan.workers.workers, len(episodes))
    if count <= 1:
        yield from run_episodes(*load_policy(), make_env, episodes, plan, report=report)
        return
    each = -(-len(episodes) // count)
    batch_size = min(plan.engine.batch_size, each)
    cache_gib = None if plan.engine.cache_gib is None else plan.engine.cache_gib / count
    plan = replace(
        plan,
        engine=replace(plan.engine, batch_size=batch_size, cache_gib=cache_gib),
        workers=replace(plan.workers, workers=count),
    )
    context = multiprocessing.get_context("forkserver")
    import_in_server(context, PRELOADED)
    threads = max(1, torch.get_num_threads() // count)
    duty = Duty(load_policy, make_env, episodes, plan, threads)
    start = partial(_Worker, context, duty, batch_size)
    ahead = min(each, batch_size * 5 // 4 + 1)
    yield from _deal(start, len(episodes), plan.workers, ahead, report)


class _Worker:
    """A worker process and the indices of the episodes that it has yet to finish."""

    def __init__(self, context: ForkServerContext, duty: Duty, envs: int) -> None:
        self.connection, theirs = context.Pipe()
        self.clocks: Any = context.Array("d", [IDLE] * envs, lock=False)
        self.process = context.Process(target=work, args=(duty, self.clocks, theirs), daemon=True)
        with shielded_children():
            self.process.start()
        theirs.close()
        self.dealt: set[int] = set()
        self.hung = False

    def deal(self, waiting: deque[int], ahead: int) -> None:
        """Take waiting episodes until `ahead` are unfinished."""
        while waiting and len(self.dealt) < ahead:
            index = waiting.popleft()
            self.dealt.add(index)
            with suppress(OSError):  # a dead worker is noticed when its answer is read
                self.connection.send(index)

    def kill_if_hung(self, seconds: float) -> None:
        """End the process if a call of an environment takes longer than `seconds`."""
        began = min((clock for clock in self.clocks if clock != IDLE), default=None)
        if began is not None and time.monotonic() - began > seconds:
            self.hung = True
            self.process.kill()

    def end(self) -> None:
        """Wait for the process and let go of it."""
        self.process.join()
        self.connection.close()


def _deal(
    start: Callable[[], _Worker],
    count: int,
    settings: WorkerSettings,
    ahead: int,
    report: Callable[[str], None],
) -> Iterator[tuple[int, Trajectory]]:
    """Deal `count` episodes to workers, again if one is replaced, and pass on what they send."""
    waiting = deque(range(count))
    crew: list[_Worker] = []
    deaths = 0  # since the last episode that ended

    def replace_worker(worker: _Worker) -> None:
        worker.end()
        waiting.extendleft(sorted(worker.dealt, reverse=True))
        crew[crew.index(worker)] = start()

    look_every = None if settings.step_seconds is None else min(1.0, settings.step_seconds / 4)
    try:
        for _ in range(settings.workers):
            crew.append(start())
        while waiting or any(worker.dealt for worker in crew):
            for worker in crew:
                worker.deal(waiting, ahead)
            by_connection = {worker.connection: worker for worker in crew}
            for connection in wait(list(by_connection), timeout=look_every):
                assert isinstance(connection, Connection)
                worker = by_connection[connection]
                try:
                    answer = connection.recv()
                except (EOFError, OSError):
                    deaths += 1
                    worker.process.join()
                    cause = _cause(worker, settings)
                    if deaths > _MOST_DEATHS:
                        raise UserError(
                            f"{deaths} rollout workers died without finishing an episode, the "
                            f"last {cause}: free memory or use fewer workers"
                        ) from None
                    report(f"a rollout worker died {cause}: playing its episodes again")
                    replace_worker(worker)
                    continue
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, str):
                    report(answer)
                elif isinstance(answer, Retired):
                    replace_worker(worker)
                else:
                    deaths = 0
                    worker.dealt.remove(answer[0])
                    yield answer
            if settings.step_seconds is not None:
                for worker in crew:
                    worker.kill_if_hung(settings.step_seconds)
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.process.join(SECONDS_TO_CLOSE)
            worker.process.kill()
            worker.end()


def _cause(worker: _Worker, settings: WorkerSettings) -> str:
    if worker.hung:
        return f"because its environment did not answer for {settings.step_seconds:g} s"
    return f"with exit code {worker.process.exitcode}"
