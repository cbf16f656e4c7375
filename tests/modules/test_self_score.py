"""The weak model's own scores: learnt from demonstrations, blind to the true ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.base import play_expert
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings
from tratree.modules.self_score import (
    SuccessHead,
    observation_states,
    score_itself,
    train_success_head,
)
from tratree.policy.chat import ChatFormat
from tratree.trajectory.types import Trajectory

WEAK = "package:models/tiny/weak"
CONTEXT = 1024


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory: pytest.TempPathFactory) -> list[Trajectory]:
    folder = tmp_path_factory.mktemp("games")
    generate_games(folder, "train", 16, difficulty="small", seed=0)
    source = GameFolder(folder)
    env = AlfworldEnv(source, 30, folder / "cache")
    played = [play_expert(env, task) for task in source.tasks("train")]
    env.close()
    return [episode for episode in played if episode.success]


@pytest.fixture(scope="module")
def head(demonstrations: list[Trajectory]) -> SuccessHead:
    chat = ChatFormat(load_tokenizer(WEAK), "tiny")
    return train_success_head(load_base(ModelSettings(WEAK)), chat, demonstrations[:10], CONTEXT)


def test_solved_episodes_score_above_their_own_beginnings(head, demonstrations) -> None:
    unseen = demonstrations[10:]
    assert len(unseen) >= 3
    whole = [head.score(episode) for episode in unseen]
    cut = [head.score(replace(episode, steps=episode.steps[:-1])) for episode in unseen]
    assert all(0 <= score <= 1 for score in whole + cut)
    assert sum(whole) / len(whole) > sum(cut) / len(cut) + 0.2


def test_what_the_environment_said_of_an_episode_changes_nothing(head, demonstrations) -> None:
    for episode in demonstrations[10:]:
        lied = replace(episode, score=0.123, success=False, finished=False)
        assert score_itself(lied, head.score(lied)) == score_itself(episode, head.score(episode))


def test_states_are_those_at_the_ends_of_observations(head, demonstrations) -> None:
    episode = demonstrations[0]
    states = observation_states(head.model, head.chat, episode, CONTEXT)
    assert len(states) == len(episode.steps) + 1
    earlier = replace(episode, steps=episode.steps[:1])
    shorter = observation_states(head.model, head.chat, earlier, CONTEXT)
    assert states[:2] == pytest.approx(shorter, abs=1e-4)
    assert len(observation_states(head.model, head.chat, episode, 200)) < len(states)


def test_no_demonstrations_are_a_user_error(head) -> None:
    with pytest.raises(UserError, match="learns from demonstrations"):
        train_success_head(head.model, head.chat, [], CONTEXT)
