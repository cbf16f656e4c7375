"""Goals in a person's words, with any characters, and games that cannot be played."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.envs.alfworld.releases import rewrite
from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.base import NoExpertError, play_expert
from tratree.errors import UserError

GOALS = (
    "Put the chilled mug away, please",
    "put {it} in #intro# [now | later] <b>; 50% off",
    'put "the cup", the 2nd one, on étagère\'s \\ top',
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("generated")
    generate_games(root, "train", 2, difficulty="small", seed=0)
    return root


@pytest.fixture
def root(generated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated, tmp_path / "games"))


def open_env(root: Path, **settings) -> AlfworldEnv:
    return AlfworldEnv(GameFolder(root), 30, root / "cache", **settings)


def ask(root: Path, goal: str) -> str:
    """Let the first game ask for `goal`; return its id."""
    task = GameFolder(root).tasks("train")[0]
    path = root / "json_2.1.1" / task.task_id / "game.tw-pddl"
    game = json.loads(path.read_text())
    game["grammar"] = game["grammar"].replace(task.instruction, json.dumps(goal)[1:-1])
    path.write_text(json.dumps(game))
    return task.task_id


@pytest.mark.parametrize("goal", GOALS)
def test_a_goal_is_shown_as_it_is(root: Path, goal: str) -> None:
    name = ask(root, goal)
    env = open_env(root, expert="walkthrough")
    task = env.tasks("train")[0]
    assert (task.task_id, task.instruction) == (name, goal)
    assert env.reset(task).observation.endswith(f"Your task is to: {goal}.")
    assert play_expert(env, task).success


@pytest.mark.parametrize("goal", GOALS)
def test_a_goal_of_a_compact_game_is_shown_as_it_is(root: Path, tmp_path: Path, goal: str) -> None:
    task = GameFolder(root).tasks("train")[0]
    record = {
        "id": task.task_id,
        "task_type": task.task_type,
        "goal": f"Your task is to: {goal}.",
        "pddl_problem": GameFolder(root).load(task.task_id).problem,
    }
    with gzip.open(tmp_path / "train.jsonl.gz", "wt") as lines:
        lines.write(json.dumps(record) + "\n")
    env = AlfworldEnv(CompactGames(tmp_path), 30, tmp_path / "cache")
    (task,) = env.tasks("train")
    assert task.instruction == goal
    assert env.reset(task).observation.endswith(f"Your task is to: {goal}.")


def test_one_such_game_is_counted_named_and_stops_nothing(root: Path) -> None:
    name = ask(root, GOALS[0])
    env = open_env(root)
    odd, plain = env.tasks("train")
    with pytest.raises(NoExpertError, match=rf"\A[^\n]*{name}[^\n]*env.expert=walkthrough\Z"):
        env.expert(odd)
    assert play_expert(env, plain).success
    (note,) = env.notes("train")
    assert note.startswith("1 game with goals that are not alfworld's own sentences")
    assert name in note


def test_a_walkthrough_that_is_missing(root: Path) -> None:
    rewrite(root, lambda game: {**game, "walkthrough": None})
    env = open_env(root, expert="walkthrough")
    with pytest.raises(NoExpertError, match=r"has no walkthrough: use env.expert=search"):
        env.expert(env.tasks("train")[0])


def test_games_that_are_left_out_are_counted(root: Path) -> None:
    sorted(root.glob("json_2.1.1/train/*/*/game.tw-pddl"))[0].unlink()
    folder = root / "json_2.1.1" / "train" / "pick_and_place-MugSliced-None-Desk-1" / "trial_1"
    folder.mkdir(parents=True)
    env = open_env(root)
    assert len(env.tasks("train")) == 1
    (note,) = env.notes("train")
    assert "1 game without game.tw-pddl or traj_data.json" in note
    assert "1 game with sliced objects or movable receptacles" in note


def test_a_split_without_a_playable_game_is_one_line(root: Path) -> None:
    rewrite(root, lambda game: {**game, "solvable": False})
    with pytest.raises(UserError, match=r"\A[^\n]*2 not marked as solvable[^\n]*env.data[^\n]*\Z"):
        open_env(root).tasks("train")
    for path in root.glob("json_2.1.1/train/*/*/game.tw-pddl"):
        path.unlink()
    with pytest.raises(UserError, match=r"2 without game.tw-pddl.*alfworld-download"):
        open_env(root).tasks("train")
