"""The main loop of a rollout's worker process."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil
import torch
from transformers import PreTrainedModel

from tratree.child_processes import end_with_parent
from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import GIB, WorkerSettings
from tratree.policy.rollout import RolloutEngine
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.watched_env import watched

LoadPolicy = Callable[[], tuple[PreTrainedModel, ChatFormat]]


@dataclass(frozen=True)
class Duty:
    """The input of a worker process; picklable."""

    load_policy: LoadPolicy
    make_env: Callable[[], TextEnv]
    episodes: Sequence[Episode]
    plan: RolloutPlan
    threads: int


class Retired:
    """Sent by a worker that has played its share; what it has not begun is dealt again."""


def work(duty: Duty, clocks: Any, connection: Connection) -> None:
    """Play the episodes whose indices come in, until told to stop or the parent is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    end_with_parent()
    torch.set_num_threads(duty.threads)
    played, retiring = 0, False
    try:
        make_env = watched(duty.make_env, clocks)
        model, chat = duty.load_policy()
        engine = RolloutEngine(model, chat, make_env, duty.plan, report=connection.send)
        with closing(engine):
            while True:
                if retiring and not engine.live:
                    connection.send(Retired())
                    return
                while not retiring and engine.free and (not engine.live or connection.poll()):
                    index = connection.recv()
                    engine.add(index, duty.episodes[index])
                for ended in engine.advance():
                    connection.send(ended)
                    played += 1
                    retiring = retiring or _is_worn_out(played, duty.plan.workers)
    except Exception as error:
        with suppress(OSError):  # the parent is gone
            connection.send(
                error
                if isinstance(error, UserError)
                else RuntimeError(f"a rollout worker failed:\n{traceback.format_exc()}")
            )


def _is_worn_out(played: int, settings: WorkerSettings) -> bool:
    if settings.recycle_episodes is not None and played >= settings.recycle_episodes:
        return True
    return settings.recycle_gib is not None and _memory_gib() > settings.recycle_gib


def _memory_gib() -> float:
    """Return the memory of this process and its children, in GiB."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    total = 0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / GIB
