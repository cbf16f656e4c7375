"""Episodes whose tokens come over HTTP in vLLM's format: those of the engine in this program."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tests.policy.vllm_stand_in import LocalVllm, serving
from tratree.envs.base import StepResult
from tratree.envs.forwarding import ForwardingEnv
from tratree.errors import UserError
from tratree.policy import server_pool
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.policy.server_pool import ServerPool
from tratree.policy.server_rollout import roll_out_on_servers
from tratree.policy.vllm_server import VllmServer
from tratree.trajectory.types import Trajectory

NAME = "sft-0123456789abcdef"


class Flaky(LocalVllm):
    """Fails after some requests, for a while or for ever.

    Args:
        failing: Which of the requests for completions fail.
    """

    def __init__(self, *arguments: Any, failing: range = range(0), **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.failing = failing
        self.asked = 0

    def __call__(self, method: str, path: str, request: Any) -> tuple[int, Any]:
        if path == "/v1/completions":
            self.asked += 1
            if self.asked in self.failing:
                return 503, "secret"
        return super().__call__(method, path, request)


def episodes_of(folder: Path) -> list[Episode]:
    return [Episode(task, 0, SamplingSettings(0.0)) for task in tasks_of(folder)[:4]]


def play(
    folder: Path,
    limits: RolloutLimits,
    context: int = 512,
    failing: tuple[range, ...] = (range(0),),
    opened: Any = make_env,
    **how: Any,
) -> tuple[list[Trajectory], list[list[int]]]:
    """Return the trajectories, and for each server the seeds that it was asked with."""
    model, chat = load_policy(folder)
    stand_ins = [Flaky("base", context, {NAME: model}, failing=fails) for fails in failing]
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(stand_in)) for stand_in in stand_ins]
        servers = [stack.enter_context(closing(VllmServer(url))) for url in urls]
        plan = RolloutPlan(0, "test", "cloned", limits, EngineSettings(1))
        make = partial(opened, folder)
        pool = ServerPool(servers)
        playing = roll_out_on_servers(
            pool, NAME, chat, make, episodes_of(folder), plan, concurrent=3, **how
        )
        found = dict(playing)
    return [found[index] for index in range(len(found))], [s.seeds for s in stand_ins]


@pytest.fixture(scope="module")
def expected(policy_folder):
    limits = replace(LIMITS, max_steps=6)
    plan = RolloutPlan(0, "test", "cloned", limits, EngineSettings(4))
    make = partial(make_env, policy_folder)
    played = dict(run_episodes(*load_policy(policy_folder), make, episodes_of(policy_folder), plan))
    return [played[index] for index in range(4)]


def test_episodes_are_those_of_the_engine(policy_folder, expected) -> None:
    found, [seeds] = play(policy_folder, replace(LIMITS, max_steps=6))
    assert found == expected
    assert len(set(seeds)) == len(seeds) >= sum(len(t.steps) for t in found)


def test_so_are_episodes_whose_thoughts_are_cut(policy_folder) -> None:
    limits = replace(LIMITS, max_steps=4, max_thought_tokens=3)
    plan = RolloutPlan(0, "test", "cloned", limits, EngineSettings(4))
    make = partial(make_env, policy_folder)
    played = dict(run_episodes(*load_policy(policy_folder), make, episodes_of(policy_folder), plan))
    assert play(policy_folder, limits)[0] == [played[index] for index in range(4)]


@pytest.mark.parametrize(
    "failing", [(range(4, 999), range(0)), (range(3, 6), range(5, 7)), (range(2, 4),)]
)
def test_servers_share_the_requests_and_take_over_from_one_that_fails(
    policy_folder, expected, failing, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(server_pool, "FIRST_REST", 0.01)
    found, seeds = play(policy_folder, replace(LIMITS, max_steps=6), failing=failing)
    assert found == expected
    assert all(len(of_server) > 1 for of_server in seeds)
    told = capsys.readouterr().out
    assert "fails: its requests are sent again" in told
    assert "secret" not in told


LOST = "none of the vLLM servers answers any more|7 tries of a request have failed"
"""Either may be found first."""


def test_no_server_that_answers_is_one_line(policy_folder, monkeypatch) -> None:
    monkeypatch.setattr(server_pool, "FIRST_REST", 0.001)
    with pytest.raises(UserError, match=LOST) as caught:
        play(policy_folder, LIMITS, failing=(range(2, 999), range(3, 999)))
    assert "\n" not in str(caught.value)


def test_environments_that_wait_step_in_threads(policy_folder, expected) -> None:
    stepped_in: set[threading.Thread] = set()

    class Noting(ForwardingEnv):
        def step(self, action: str) -> StepResult:
            stepped_in.add(threading.current_thread())
            return super().step(action)

    limits = replace(LIMITS, max_steps=6)
    opened = lambda folder: Noting(make_env(folder))  # noqa: E731
    assert play(policy_folder, limits, opened=opened, env_threads=True)[0] == expected
    assert threading.main_thread() not in stepped_in


def test_what_a_server_cannot_do_is_a_user_error(policy_folder) -> None:
    with pytest.raises(UserError, match="plays without constraints"):
        play(policy_folder, replace(LIMITS, constraint="well_formed"))
    with pytest.raises(UserError, match="takes 100 tokens: start it with a larger --max-model-len"):
        play(policy_folder, LIMITS, context=100)
