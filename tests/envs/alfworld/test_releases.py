"""Games of every release of ALFWorld: played as on the stock engine, solved, said in either way."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.alfworld_steps import compare
from tests.envs.alfworld.releases import RELEASES, rewrite
from tests.envs.alfworld.stock_engine import needs_stock_engine
from tratree.composition import compose_config
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.published import moved_names
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import play_expert
from tratree.envs.moved_names import renamed


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("generated")
    generate_games(root, "train", 6, difficulty="small", seed=0)
    return root


@pytest.fixture(scope="module", params=RELEASES)
def release(request, generated: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return request.param


@pytest.fixture(scope="module")
def root(release: str, generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(generated, tmp_path_factory.mktemp("release") / "games"))
    rewrite(root, RELEASES[release])
    return root


def open_env(root: Path, **settings) -> AlfworldEnv:
    return AlfworldEnv(
        GameFolder(root), AlfworldSettings(name="alfworld", **settings), root / "cache"
    )


@needs_stock_engine
def test_plays_as_on_the_stock_engine(release: str, root: Path) -> None:
    source = GameFolder(root)
    tasks = [t for t in source.tasks("train") if t.task_type == "pick_heat_then_place_in_recep"]
    measured = compare(source, tasks, steps=30, cache=root / "cache")
    assert measured["steps"] == 30


def test_walkthrough_and_expert_win(root: Path) -> None:
    source, env = GameFolder(root), open_env(root)
    for task in env.tasks("train"):
        env.reset(task)
        assert [env.step(c) for c in source.load(task.task_id).walkthrough][-1].success
        assert play_expert(env, task).success
    assert len(env.tasks("train")) == 6


@pytest.mark.parametrize("form", ["move {} to {}", "put {} in/on {}", "Put  {} on {}\n"])
def test_an_object_is_placed_in_either_wording(release: str, root: Path, form: str) -> None:
    source, env = GameFolder(root), open_env(root)
    task = next(t for t in env.tasks("train") if t.task_type == "pick_and_place_simple")
    *before, last = source.load(task.task_id).walkthrough
    match = re.fullmatch(r"(?:move|put) (.+) (?:to|in/on) (.+)", last)
    assert match is not None
    env.reset(task)
    for command in before:
        env.step(command)
    assert last in env.admissible()
    result = env.step(form.format(*match.groups()))
    assert result.success
    earlier = release == "before 0.4"
    says = "You put the {} in/on the {}." if earlier else "You move the {} to the {}."
    assert result.observation == says.format(*match.groups())


_NEWER = (
    (r"put (\w+ \d+) in/on (\w+ \d+)", r"move \1 to \2"),
    (r"You put the (\w+ \d+) in/on the (\w+ \d+)", r"You move the \1 to the \2"),
)
_OLDER = (
    (r"move (\w+ \d+) to (\w+ \d+)", r"put \1 in/on \2"),
    (r"You move the (\w+ \d+) to the (\w+ \d+)", r"You put the \1 in/on the \2"),
    (r"You arrive at \w+ \d+\.", "You arrive at loc 7."),
)


def test_what_another_release_says_is_said_as_the_games_here_do(release: str, root: Path) -> None:
    env = open_env(root)
    task = next(t for t in env.tasks("train") if t.task_type == "pick_and_place_simple")
    ours = play_expert(env, task)

    def theirs(text: str) -> str:
        for old, new in _NEWER if release == "before 0.4" else _OLDER:
            text = re.sub(old, new, text)
        return text

    steps = (
        replace(step, action=theirs(step.action), observation=theirs(step.observation))
        for step in ours.steps
    )
    published = replace(ours, steps=tuple(steps))
    assert published != ours
    config = compose_config(["env=alfworld", "env.games=official", f"env.data={root}"])
    moved, said = renamed(published, moved_names(config.env, task))
    assert moved == ours
    assert sum(said.values()) >= 2


def test_help_is_answered_where_it_is_offered(release: str, root: Path) -> None:
    env = open_env(root)
    env.reset(env.tasks("train")[0])
    offered = "help" in env.admissible()
    assert offered == (release != "before 0.4")
    result = env.step("help")
    assert result.valid == offered
    if offered:
        assert "Available commands:" in result.observation


def test_a_damaged_game_does_not_hide_the_release(generated: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(generated, tmp_path / "games"))
    rewrite(root, RELEASES["before 0.4"])
    next(iter((root / "json_2.1.1").glob("*/*/*/game.tw-pddl"))).write_text("{")
    config = compose_config(["env=alfworld", "env.games=official", f"env.data={root}"])
    assert "env.wording=put" in moved_names(config.env, None)[0].what
