"""`AlfworldEnv`: what an agent reads and may type."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import StepResult
from tratree.errors import UserError
from tratree.trajectory.types import Task

TASK_TYPES = 6
ODD_ACTIONS = {
    "grammar": "#intro#",
    "no number": "put mug in fridge",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("games")
    generate_games(root, "train", TASK_TYPES, difficulty="small", seed=0)
    return root


@pytest.fixture
def env(root: Path) -> AlfworldEnv:
    return AlfworldEnv(GameFolder(root), AlfworldSettings(name="alfworld"), root / "cache")


def walkthrough(root: Path, task: Task) -> tuple[str, ...]:
    return GameFolder(root).load(task.task_id).walkthrough


def first_placing_task(env: AlfworldEnv) -> Task:
    return next(t for t in env.tasks("train") if t.task_type == "pick_and_place_simple")


def placing(root: Path, task: Task) -> tuple[tuple[str, ...], str, str]:
    """Return the commands before the placing one, the object, and the receptacle."""
    *before, last = walkthrough(root, task)
    match = re.fullmatch(r"move (.+) to (.+)", last)
    assert match is not None
    return tuple(before), match[1], match[2]


def test_first_observation_has_room_and_goal_only(env: AlfworldEnv) -> None:
    for task in env.tasks("train"):
        result = env.reset(task)
        room, goal = result.observation.split("\n\n")
        assert room.startswith("You are in the middle of a room. Looking quickly around you,")
        assert goal == f"Your task is to: {task.instruction}."
        assert result == StepResult(result.observation)


def test_walkthroughs_win_at_their_last_command(env: AlfworldEnv, root: Path) -> None:
    tasks = env.tasks("train")
    assert len({task.task_type for task in tasks}) == TASK_TYPES
    for task in tasks:
        env.reset(task)
        results = [env.step(command) for command in walkthrough(root, task)]
        assert [r.score for r in results] == [0.0] * (len(results) - 1) + [1.0]
        assert all(r.success == r.finished == (r.score == 1.0) for r in results)
        assert all(r.valid for r in results)


@pytest.mark.parametrize(
    "form",
    [
        "move {o} to {r}",
        "put {o} in/on {r}",
        "put {o} in {r}",
        "put {o} on {r}",
        "  PUT {o}   In/On\t{r} ",
        "Move {o} to {r}\n",
    ],
)
@pytest.mark.parametrize("wording", ["move", "put"])
def test_ways_to_say_that_an_object_is_placed(root: Path, form: str, wording: str) -> None:
    env = AlfworldEnv(
        GameFolder(root), AlfworldSettings(name="alfworld", wording=wording), root / "cache"
    )
    task = first_placing_task(env)
    before, held, receptacle = placing(root, task)
    env.reset(task)
    for command in before:
        env.step(command)
    result = env.step(form.format(o=held, r=receptacle))
    assert result.success
    says = {
        "move": f"You move the {held} to the {receptacle}.",
        "put": f"You put the {held} in/on the {receptacle}.",
    }
    assert result.observation == says[wording]


@pytest.mark.parametrize("wording", ["move", "put"])
def test_every_admissible_action_is_valid(root: Path, wording: str) -> None:
    env = AlfworldEnv(
        GameFolder(root), AlfworldSettings(name="alfworld", wording=wording), root / "cache"
    )
    task = first_placing_task(env)
    before, held, receptacle = placing(root, task)
    for length in range(len(before) + 1):
        env.reset(task)
        for command in before[:length]:
            env.step(command)
        actions = env.admissible()
        assert actions == sorted(set(actions))
        for action in actions:
            env.reset(task)
            for command in before[:length]:
                env.step(command)
            assert env.step(action).valid, action
    says = {"move": f"move {held} to {receptacle}", "put": f"put {held} in/on {receptacle}"}
    assert says[wording] in actions
    assert says["put" if wording == "move" else "move"] not in actions


@pytest.mark.parametrize("action", ODD_ACTIONS.values(), ids=ODD_ACTIONS.keys())
def test_odd_actions_change_nothing(env: AlfworldEnv, root: Path, action: str) -> None:
    task = env.tasks("train")[0]
    env.reset(task)
    for command in walkthrough(root, task):
        before = env.admissible()
        result = env.step(action)
        assert result == StepResult("Nothing happens.", valid=False)
        assert env.admissible() == before
        result = env.step(command)
    assert result.success


def test_an_unknown_wording_is_a_user_error() -> None:
    with pytest.raises(UserError, match="wording"):
        AlfworldSettings(name="alfworld", wording="place")


def test_a_closed_environment_says_so(env: AlfworldEnv) -> None:
    task = env.tasks("train")[0]
    env.reset(task)
    env.close()
    with pytest.raises(UserError, match="closed"):
        env.reset(task)


def test_a_broken_game_is_named(tmp_path: Path) -> None:
    generate_games(tmp_path, "train", 2, difficulty="small", seed=0)
    env = AlfworldEnv(GameFolder(tmp_path), AlfworldSettings(name="alfworld"), tmp_path / "cache")
    broken, sound = env.tasks("train")
    path = tmp_path / "json_2.1.1" / broken.task_id / "game.tw-pddl"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match=re.escape(broken.task_id)):
        env.reset(broken)
    game = json.loads(text)
    half = len(game["pddl_problem"]) // 2
    path.write_text(json.dumps({**game, "pddl_problem": game["pddl_problem"][:half]}))
    with pytest.raises(UserError, match=re.escape(broken.task_id)) as error:
        env.reset(broken)
    assert "\n" not in str(error.value)
    assert env.reset(sound).valid


def test_heavy_packages_are_not_imported() -> None:
    code = """
import sys
import tratree.envs.alfworld
import tratree.envs.alfworld.environment
assert not {"torch", "cv2", "ai2thor", "numpy", "textworld"} & set(sys.modules)
import tratree.envs.alfworld.engine
assert not {"torch", "cv2", "ai2thor"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
