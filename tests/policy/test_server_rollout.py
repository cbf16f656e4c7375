"""Episodes whose tokens come over HTTP in vLLM's format: those of the engine in this program."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tests.policy.vllm_stand_in import GreedyVllm, serving
from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.policy.server_rollout import roll_out_on_server
from tratree.policy.vllm_server import VllmServer
from tratree.trajectory.types import Trajectory

NAME = "sft-0123456789abcdef"


def episodes_of(folder: Path) -> list[Episode]:
    return [Episode(task, 0, SamplingSettings(0.0)) for task in tasks_of(folder)[:4]]


def play(
    folder: Path, limits: RolloutLimits, context: int = 512
) -> tuple[list[Trajectory], list[int]]:
    model, chat = load_policy(folder)
    stand_in = GreedyVllm("base", context, {NAME: model})
    with serving(stand_in) as url, closing(VllmServer(url)) as server:
        found = dict(
            roll_out_on_server(
                server,
                NAME,
                chat,
                partial(make_env, folder),
                episodes_of(folder),
                RolloutPlan(0, "test", "cloned", limits, EngineSettings(3)),
            )
        )
    return [found[index] for index in range(len(found))], stand_in.seeds


@pytest.mark.parametrize(
    "limits",
    [replace(LIMITS, max_steps=6), replace(LIMITS, max_steps=4, max_thought_tokens=3)],
)
def test_episodes_are_those_of_the_engine(policy_folder, limits) -> None:
    expected = dict(
        run_episodes(
            *load_policy(policy_folder),
            partial(make_env, policy_folder),
            episodes_of(policy_folder),
            RolloutPlan(0, "test", "cloned", limits, EngineSettings(4)),
        )
    )
    found, seeds = play(policy_folder, limits)
    assert found == [expected[index] for index in range(4)]
    assert len(set(seeds)) == len(seeds) >= sum(len(t.steps) for t in found)


def test_what_a_server_cannot_do_is_a_user_error(policy_folder) -> None:
    with pytest.raises(UserError, match="plays without constraints"):
        play(policy_folder, replace(LIMITS, constraint="well_formed"))
    with pytest.raises(UserError, match="takes 100 tokens: start it with a larger --max-model-len"):
        play(policy_folder, LIMITS, context=100)
