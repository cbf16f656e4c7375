"""The weak model's own scores: learnt from demonstrations, blind to the true ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.pipeline import Pipeline
from transformers import PreTrainedModel

from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import play_expert
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings
from tratree.modules.self_score import (
    States,
    observation_states,
    observed,
    score_itself,
    success_probability,
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
    env = AlfworldEnv(source, AlfworldSettings(name="alfworld"), folder / "cache")
    played = [play_expert(env, task) for task in source.tasks("train")]
    env.close()
    return [episode for episode in played if episode.success]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return load_base(ModelSettings(WEAK))


@pytest.fixture(scope="module")
def chat() -> ChatFormat:
    return ChatFormat(load_tokenizer(WEAK), "tiny")


@pytest.fixture(scope="module")
def states_of(model: PreTrainedModel, chat: ChatFormat) -> Callable[[Trajectory], States]:
    return lambda t: observation_states(model, [observed(chat, t, CONTEXT)])[0]


@pytest.fixture(scope="module")
def head(demonstrations: list[Trajectory], states_of) -> Pipeline:
    return train_success_head([states_of(episode) for episode in demonstrations[:10]])


def test_solved_episodes_score_above_their_own_beginnings(head, demonstrations, states_of) -> None:
    unseen = demonstrations[10:]
    assert len(unseen) >= 3
    cut = [replace(episode, steps=episode.steps[:-1]) for episode in unseen]
    of_whole, of_cut = (
        [success_probability(head, states_of(e)) for e in episodes] for episodes in (unseen, cut)
    )
    assert all(0 <= score <= 1 for score in of_whole + of_cut)
    assert sum(of_whole) / len(of_whole) > sum(of_cut) / len(of_cut) + 0.2


def test_what_the_environment_said_of_an_episode_changes_nothing(
    head, demonstrations, states_of
) -> None:
    for episode in demonstrations[10:]:
        lied = replace(episode, score=0.123, success=False, finished=False)
        told, true = (
            score_itself(e, success_probability(head, states_of(e))) for e in (lied, episode)
        )
        assert told == true


def test_states_are_those_at_the_ends_of_observations(model, chat, demonstrations) -> None:
    episode = demonstrations[0]
    one = observed(chat, episode, CONTEXT)
    [states] = observation_states(model, [one])
    assert len(states) == len(episode.steps) + 1
    inputs = torch.tensor([one.token_ids])
    hidden = model(input_ids=inputs, output_hidden_states=True).hidden_states[-1][0]
    assert np.array_equal(states, hidden[list(one.ends)].detach().double().numpy())
    earlier = observed(chat, replace(episode, steps=episode.steps[:1]), CONTEXT)
    cut = observed(chat, episode, 200)
    together = observation_states(model, [one, earlier, cut])
    assert together[0] == pytest.approx(states, abs=1e-4)
    assert together[1] == pytest.approx(states[:2], abs=1e-4)
    assert len(together[2]) < len(states)


def test_known_failures_teach_what_no_demonstration_shows() -> None:
    """The first feature is of all states of a success, the second one of ends."""
    noise = np.random.default_rng(0).normal(0, 0.1, (40, 4, 2))
    solved = np.arange(40) < 20
    states = [n + [[good, k == 3] for k in range(4)] for n, good in zip(noise, solved, strict=True)]
    alone = train_success_head(states[:20])
    taught = train_success_head(states, solved.tolist())
    assert min(success_probability(alone, s) for s in states[20:]) > 0.8
    assert max(success_probability(taught, s) for s in states[20:]) < 0.6
    assert min(success_probability(taught, s) for s in states[:20]) > 0.7


def test_no_demonstrations_are_a_user_error() -> None:
    with pytest.raises(UserError, match="learns from demonstrations"):
        train_success_head([])
