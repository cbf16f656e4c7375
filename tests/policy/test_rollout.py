"""The rollout engine: the same trajectories however they are batched."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.errors import UserError
from tratree.policy.encoding import encode_trajectory
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.trajectory.types import Trajectory

GREEDY = SamplingSettings(0.0)


def episodes_of(folder: Path) -> list[Episode]:
    settings = [GREEDY, SamplingSettings(0.7, top_p=0.9), SamplingSettings(1.0, top_k=20)]
    return [
        Episode(task, number, chosen)
        for task in tasks_of(folder)
        for number, chosen in enumerate(settings)
    ]


def play(
    folder: Path, episodes: list[Episode], batch_size: int, limits: RolloutLimits = LIMITS
) -> list[Trajectory]:
    found = dict(
        run_episodes(
            *load_policy(folder),
            partial(make_env, folder),
            episodes,
            RolloutPlan(0, "test", "cloned", limits, EngineSettings(batch_size)),
        )
    )
    return [found[index] for index in range(len(episodes))]


@pytest.fixture(scope="module")
def one_by_one(policy_folder: Path) -> list[Trajectory]:
    return play(policy_folder, episodes_of(policy_folder), batch_size=1)


@pytest.mark.parametrize("batch_size", [5, 16, 64])
def test_batch_size_changes_nothing(policy_folder, one_by_one, batch_size):
    assert play(policy_folder, episodes_of(policy_folder), batch_size) == one_by_one


def test_order_of_episodes_changes_nothing(policy_folder, one_by_one):
    order = torch.randperm(len(one_by_one), generator=torch.Generator().manual_seed(1)).tolist()
    episodes = episodes_of(policy_folder)
    shuffled = play(policy_folder, [episodes[index] for index in order], batch_size=7)
    assert shuffled == [one_by_one[index] for index in order]


def test_episodes_are_varied_and_some_are_solved(one_by_one):
    assert any(episode.success and episode.finished for episode in one_by_one)
    assert any(not episode.finished for episode in one_by_one)
    assert len({step.token_ids for episode in one_by_one for step in episode.steps}) > 30


def test_seed_stage_and_sample_give_other_draws(policy_folder):
    model, chat = load_policy(policy_folder)
    task = tasks_of(policy_folder)[0]

    def ids(seed: int, stage: str, sample: int) -> tuple[tuple[int, ...], ...]:
        episodes = [Episode(task, sample, SamplingSettings(1.0))]
        ((_, trajectory),) = run_episodes(
            model,
            chat,
            partial(make_env, policy_folder),
            episodes,
            RolloutPlan(seed, stage, "", replace(LIMITS, max_steps=3), EngineSettings(1)),
        )
        assert trajectory.sample == sample
        return tuple(step.token_ids for step in trajectory.steps)

    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]
    assert len({ids(*key) for key in keys}) == len(keys)
    assert ids(*keys[0]) == ids(*keys[0])


def test_greedy_turns_equal_a_recomputation_without_cache(policy_folder, one_by_one):
    model, chat = load_policy(policy_folder)
    for episode in one_by_one[::3]:
        shown = chat.first_turn(episode.first_observation)
        for step in episode.steps:
            turn: list[int] = []
            while not turn or turn[-1] not in chat.stop_ids:
                if len(turn) == LIMITS.max_new_tokens - 1:
                    turn.append(chat.stop_id)
                    break
                with torch.no_grad():
                    logits = model(input_ids=torch.tensor([shown + turn])).logits
                turn.append(int(logits[0, -1].argmax()))
            assert step.token_ids == tuple(turn)
            shown += turn + chat.next_turn(step.observation)


def test_recorded_actions_lead_to_the_recorded_observations(policy_folder, one_by_one):
    env = make_env(policy_folder)
    for episode in one_by_one:
        assert env.reset(episode.task).observation == episode.first_observation
        for step in episode.steps:
            result = env.step(step.action)
            assert result.observation == step.observation
        assert (result.score, result.finished) == (episode.score, episode.finished)
    env.close()


def test_limits_cut_turns_and_episodes(policy_folder, one_by_one):
    limits = RolloutLimits(max_steps=9, max_new_tokens=6, max_context=110)
    _, chat = load_policy(policy_folder)
    played = play(policy_folder, episodes_of(policy_folder), 8, limits)
    lengths = [len(step.token_ids) for episode in played for step in episode.steps]
    assert max(lengths) == 6
    steps = [step for episode in played for step in episode.steps]
    assert all(step.token_ids[-1] in chat.stop_ids for step in steps)
    cut = [step for step in steps if len(step.token_ids) == 6]
    assert {step.inserted for step in cut} == {(5,)}
    assert () in {step.inserted for episode in one_by_one for step in episode.steps}
    assert max(len(encode_trajectory(chat, e).token_ids) for e in played) <= 110
    overflown = [e for e in played if not e.finished and len(e.steps) < 9]
    assert overflown
    for episode in overflown:
        shown = chat.next_turn(episode.steps[-1].observation)
        used = len(encode_trajectory(chat, episode).token_ids)
        assert used + len(shown) + 6 > 110
    assert all(
        len(e.steps) <= 2
        for e in play(
            policy_folder, episodes_of(policy_folder)[:2], 2, replace(limits, max_steps=2)
        )
    )


@pytest.mark.parametrize("batch_size", [1, 16])
def test_with_a_constraint_every_action_is_admissible(policy_folder, batch_size):
    limits = replace(LIMITS, max_thought_tokens=10, constraint="admissible")
    played = play(policy_folder, episodes_of(policy_folder), batch_size, limits)
    assert all(step.valid for episode in played for step in episode.steps)
    assert len({step.action for episode in played for step in episode.steps}) > 5
    assert any(step.thought for episode in played for step in episode.steps)


def test_invalid_actions_are_recorded(one_by_one):
    steps = [step for episode in one_by_one for step in episode.steps]
    assert {step.valid for step in steps} == {True, False}
    assert all(s.valid == (s.observation != "Nothing happens.") for s in steps)


def test_a_first_turn_without_room_is_a_user_error(policy_folder):
    with pytest.raises(UserError, match=r"set model\.context to more than 40"):
        play(policy_folder, episodes_of(policy_folder), 2, replace(LIMITS, max_context=40))


@pytest.mark.parametrize("bad", [{"max_steps": 0}, {"max_new_tokens": 1}])
def test_bad_limits_are_user_errors(bad):
    with pytest.raises(UserError):
        replace(LIMITS, **bad)


class CountedEnv(AlfworldEnv):
    """Counts how many of its kind are open."""

    made = 0
    still_open = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        CountedEnv.made += 1
        CountedEnv.still_open += 1

    def close(self) -> None:
        super().close()
        CountedEnv.still_open -= 1


def test_environments_are_reused_and_closed_even_when_stopped_early(policy_folder):
    running = run_episodes(
        *load_policy(policy_folder),
        partial(make_env, policy_folder, CountedEnv),
        episodes_of(policy_folder),
        RolloutPlan(0, "test", "", replace(LIMITS, max_steps=2), EngineSettings(3)),
    )
    for _ in range(8):
        next(running)
    assert (CountedEnv.made, CountedEnv.still_open) == (3, 3)
    running.close()
    assert (CountedEnv.made, CountedEnv.still_open) == (3, 0)
