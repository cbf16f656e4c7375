"""Texts that ALFWorld's rule calls the same action are the same to the engine, and only those."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tratree.envs.alfworld.actions import action_key, forgiving_key
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("go to desk 1", " Go to  DESK 1\n"),
        ("move mug 1 to desk 2", "put mug 1 in/on desk 2"),
        ("move mug 1 to desk 2", "put mug 1 in desk 2"),
        ("move mug 1 to desk 2", "Put mug 1 on  desk 2"),
    ],
)
def test_same(one: str, other: str) -> None:
    assert action_key(one) == action_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("go to desk 1", "go to desk 2"), ("take mug 1 from desk 1", "take the mug 1 from desk 1")],
)
def test_not_the_same(one: str, other: str) -> None:
    assert action_key(one) != action_key(other)


@pytest.mark.parametrize(
    "typed",
    [
        "put the mug 1 into the desk 2.",
        "Put mug 1 in / on desk 2",
        "move a mug 1 onto desk 2 .",
        "put mug 1 in/on desk 2!",
        "put mug 1 in on desk 2",
        "put mug 1 on/in the desk 2",
        "put mug 1 in or on desk 2",
    ],
)
def test_read_forgivingly(typed: str) -> None:
    assert forgiving_key(typed) == action_key("move mug 1 to desk 2")
    assert action_key(typed) != action_key("move mug 1 to desk 2")


def test_a_forgiving_environment(tmp_path: Path) -> None:
    generate_games(tmp_path, "train", 1, difficulty="small", seed=0)
    games = GameFolder(tmp_path)
    strict = AlfworldEnv(games, AlfworldSettings(name="alfworld"), tmp_path / "cache")
    forgiving = AlfworldEnv(
        games, AlfworldSettings(name="alfworld", forgiving=True), tmp_path / "cache"
    )
    (task,) = strict.tasks("train")
    strict.reset(task)
    forgiving.reset(task)
    for action in games.load(task.task_id).walkthrough:
        typed = action.replace("move ", "put the ").replace(" to ", " into the ") + "."
        if action.startswith("go "):
            typed = f"{action}."
        assert not strict.step(typed).valid
        assert forgiving.step(typed) == strict.step(action)
    assert strict.step("look").success


def test_same_actions_lead_to_the_same_observations(tmp_path: Path) -> None:
    generate_games(tmp_path, "train", 6, difficulty="small", seed=0)
    games = GameFolder(tmp_path)
    env = AlfworldEnv(games, AlfworldSettings(name="alfworld"), tmp_path / "cache")
    rng = random.Random(0)
    for task in env.tasks("train"):
        plan = games.load(task.task_id).walkthrough
        env.reset(task)
        expected = [env.step(action) for action in plan]
        env.reset(task)
        for action, result in zip(plan, expected, strict=True):
            typed = action
            if action.startswith("move "):
                preposition = rng.choice([" in ", " on ", " in/on "])
                typed = action.replace("move ", "put ").replace(" to ", preposition)
            typed = "  ".join(rng.choice([str.upper, str.title])(word) for word in typed.split())
            assert action_key(typed) == action_key(action)
            assert env.step(typed) == result
    env.close()
