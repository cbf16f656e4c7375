"""Generated games can be won in the real engines, and the generator's own check says the truth."""

import random
import re

import pytest
import textworld
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
from textworld.envs.pddl import PddlEnv

from tests.envs.alfworld.stock_engine import needs_stock_engine
from tratree.envs.alfworld.difficulty import DIFFICULTIES
from tratree.envs.alfworld.engine import Engine
from tratree.envs.alfworld.games import Game, GameFolder, packaged_rules
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.goals import TASK_RULES, Goal, goals_of_scene
from tratree.envs.alfworld.problem import problem_text
from tratree.envs.alfworld.room import draw_room
from tratree.envs.alfworld.scene import load_scene
from tratree.envs.alfworld.splits import SPLITS, scenes_of_split
from tratree.envs.alfworld.walkthrough import plan, solves


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path / "translations")
    yield engine
    engine.close()


def wins(engine: Engine, game: Game, commands: tuple[str, ...]) -> bool:
    engine.start(game)
    for command in commands:
        assert not engine.won
        engine.step(command)
    return engine.won


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_walkthroughs_win(tmp_path, engine, difficulty):
    played = 0
    for split in SPLITS:
        generate_games(tmp_path, split, 6, difficulty=difficulty, seed=7)
        source = GameFolder(tmp_path)
        for task in source.tasks(split):
            game = source.load(task.task_id)
            assert wins(engine, game, game.walkthrough), task
            played += 1
    assert played == 6 * len(SPLITS)


@needs_stock_engine
def test_walkthroughs_win_in_the_engine_of_textworld(tmp_path):
    generate_games(tmp_path, "valid_unseen", 6, difficulty="small", seed=8)
    engine = AlfredDemangler(PddlEnv(textworld.EnvInfos(won=True)))
    for path in sorted(tmp_path.rglob("game.tw-pddl")):
        engine.load(str(path))
        state = engine.reset()
        task_id = path.parent.relative_to(tmp_path / "json_2.1.1").as_posix()
        for command in GameFolder(tmp_path).load(task_id).walkthrough:
            assert not state["won"]
            state, _, _ = engine.step(command)
        assert state["won"], path


def drawn(task_type: str, seed: int):
    rng = random.Random(seed)
    number = rng.choice([n for n in scenes_of_split("train") if goals_of_scene(n, task_type)])
    goals = goals_of_scene(number, task_type)
    target = rng.choice(list(goals))
    goal = Goal(task_type, target, rng.choice(goals[target]), template=0)
    return draw_room(rng, load_scene(number), goal, DIFFICULTIES["small"]), goal


@pytest.mark.parametrize("task_type", TASK_RULES)
def test_check_agrees_with_the_engine_on_spoilt_walkthroughs(engine, task_type):
    for seed in range(4):
        room, goal = drawn(task_type, seed)
        game = Game(problem_text("test", room, goal), *packaged_rules(goal.sentence()), ())
        commands = plan(room, goal)
        assert solves(commands, room, goal)
        assert wins(engine, game, commands)
        for i in range(len(commands)):
            spoilt = commands[:i] + commands[i + 1 :]
            assert not solves(spoilt, room, goal), spoilt
            assert not wins(engine, game, spoilt), spoilt


def test_check_refuses_commands_after_the_goal_is_reached():
    room, goal = drawn("pick_and_place_simple", 0)
    commands = plan(room, goal)
    assert not solves((*commands, commands[0]), room, goal)
    assert not solves((), room, goal)


def test_object_numbers_are_those_of_the_engine(tmp_path, engine):
    generate_games(tmp_path, "train", 6, difficulty="full", seed=9)
    source = GameFolder(tmp_path)
    for task in source.tasks("train"):
        game = source.load(task.task_id)
        opening = engine.start(game)
        listed = re.findall(r"an? (\w+ \d+)", opening.partition("you see ")[2])
        reachable = [c.removeprefix("go to ") for c in engine.admissible() if "go to" in c]
        assert sorted(listed) == reachable
        assert len(listed) == game.problem.partition("(:goal")[0].count("(receptacleType ")
