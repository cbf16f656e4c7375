"""Episodes of every environment in worker processes: equal to those in one, also after a kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial

import pytest
from transformers import PreTrainedModel

from tests.envs.contract.rooms import Room
from tratree.envs.base import StepResult, TextEnv
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.policy.workers import roll_out
from tratree.trajectory.types import Task, Trajectory

pytestmark = pytest.mark.usefixtures("several_threads")

WEAK = "package:models/tiny/weak"


def load_policy() -> tuple[PreTrainedModel, ChatFormat]:
    model = load_base(ModelSettings(WEAK, dtype="float64"))
    return model.eval(), ChatFormat(load_tokenizer(WEAK), "tiny")


def open_trapped(room: Room) -> TextEnv:
    """Open an environment; the first step in any process kills that process."""
    env, sprung = room.open(), room.folder / "sprung"
    step = env.step

    def trapped(action: str) -> StepResult:
        if not sprung.exists():
            sprung.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(action)

    env.step = trapped
    return env


def roll(tasks: list[Task], make_env: Callable[[], TextEnv], workers: int) -> dict[int, Trajectory]:
    episodes = [
        Episode(task, sample, SamplingSettings(1.0)) for task in tasks[:2] for sample in range(2)
    ]
    return dict(
        roll_out(
            load_policy,
            make_env,
            episodes,
            RolloutPlan(
                0,
                "contract",
                "tiny",
                RolloutLimits(max_steps=4, max_new_tokens=16, max_context=1024),
                EngineSettings(2),
                WorkerSettings(workers),
            ),
        )
    )


@pytest.mark.slow
def test_two_workers_equal_one_also_if_one_is_killed(room: Room, tasks: list[Task]) -> None:
    alone = roll(tasks, room.open, workers=1)
    assert len(alone) == 4
    assert roll(tasks, room.open, workers=2) == alone
    assert roll(tasks, partial(open_trapped, room), workers=2) == alone
    assert (room.folder / "sprung").exists()
    assert not multiprocessing.active_children()
