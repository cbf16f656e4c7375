"""Rollouts, and other work with a model, in one or more processes, each with its own model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from tratree.envs.base import TextEnv
from tratree.policy.chat import ChatFormat
from tratree.policy.crew import share_out
from tratree.policy.machine_settings import WorkerSettings
from tratree.policy.places import Places, find_places
from tratree.policy.rollout import RolloutEngine, run_episodes
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.watched_env import watched
from tratree.policy.worker_process import Duty, Report
from tratree.trajectory.types import Trajectory

LoadPolicy = Callable[[], tuple[PreTrainedModel, ChatFormat]]
Part = TypeVar("Part")
Result = TypeVar("Result")


def roll_out(
    load_policy: LoadPolicy,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    *,
    report: Report = print,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes in one or more processes; the trajectories are the same for any number.

    Args:
        load_policy: Returns the model and its chat format; called once a worker. On a GPU it takes
            the process's own, `torch.cuda.current_device`.
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
    places = (plan.places or find_places(plan.workers.workers)).at_most(len(episodes))
    if places.is_here:
        yield from run_episodes(*load_policy(), make_env, episodes, plan, report=report)
        return
    each = -(-len(episodes) // places.count)
    batch_size = min(plan.engine.batch_size, each)
    plan = replace(plan, engine=replace(plan.engine, batch_size=batch_size), places=places)
    open_engine = partial(_NumberedEpisodes, load_policy, make_env, episodes, plan)
    threads = max(1, torch.get_num_threads() // places.workers)
    duty = Duty(open_engine, places, plan.workers, threads, envs=batch_size)
    # Workers know the episodes and are dealt numbers: many small messages wait for nobody.
    numbers = range(len(episodes))
    yield from share_out(duty, numbers, min(each, batch_size * 5 // 4 + 1), report)


class _NumberedEpisodes(RolloutEngine):
    """A rollout engine that is given the numbers of its episodes."""

    def __init__(
        self,
        load_policy: LoadPolicy,
        make_env: Callable[[], TextEnv],
        episodes: Sequence[Episode],
        plan: RolloutPlan,
        clocks: Any,
        report: Report,
    ) -> None:
        super().__init__(*load_policy(), watched(make_env, clocks), plan, report=report)
        self._episodes = episodes

    def add(self, index: int, episode: Any) -> None:
        super().add(index, self._episodes[episode])


def compute(
    load: Callable[[], Callable[[Part], Result]],
    parts: Sequence[Part],
    places: Places,
    *,
    report: Report = print,
) -> Iterator[tuple[int, Result]]:
    """Apply a function that needs a model to parts of work, which the processes share.

    Args:
        load: Loads the model, and returns the function; called once a process. It can be pickled,
            and so can parts and results.
        parts: The work; none depends on another.
        places: Places of the processes. On CPUs each has as many threads as this one: another
            number of them would change the last bits of results.
        report: Gets a line for each process that is replaced.

    Yields:
        (index in `parts`, result) of parts as they are done.

    Raises:
        UserError: If the function raises it, or processes keep dying.
        RuntimeError: If a process fails otherwise, with its traceback.
    """
    places = places.at_most(len(parts))
    if parts and places.is_here:
        function = load()
        yield from ((number, function(part)) for number, part in enumerate(parts))
    elif parts:
        threads = torch.get_num_threads() // (places.workers if places.gpus else 1)
        duty = Duty(partial(_OneByOne, load), places, WorkerSettings(), max(1, threads))
        # One at a time: a large part and a large result would wait for each other.
        yield from share_out(duty, parts, 1, report)


class _OneByOne:
    """An engine that applies a function to one part after the other."""

    free = 1

    def __init__(self, load: Callable[[], Callable[[Any], Any]], _: Any, __: Report) -> None:
        self._function = load()
        self._waiting: list[tuple[int, Any]] = []

    @property
    def live(self) -> int:
        return len(self._waiting)

    def add(self, index: int, item: Any) -> None:
        self._waiting.append((index, item))

    def advance(self) -> list[tuple[int, Any]]:
        index, part = self._waiting.pop()
        return [(index, self._function(part))]

    def close(self) -> None:
        pass
