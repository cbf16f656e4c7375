"""The lists of tasks: official splits, ETO's protocol, and a part of them for small runs."""

import json
from pathlib import Path

import pytest

from tratree.composition import compose_config
from tratree.envs.base import NoExpertError
from tratree.envs.registry import make_env, prepare_data
from tratree.envs.scienceworld.environment import ScienceWorldEnv
from tratree.envs.scienceworld.settings import SIMPLIFICATIONS
from tratree.envs.scienceworld.tasks import (
    SPLITS,
    TASK_NAMES,
    eto_step_limits,
    eto_variations,
    spread,
)
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.stages.environment import env_settings
from tratree.trajectory.types import Task

SETTINGS = {
    "name": "scienceworld",
    "protocol": "official",
    "simplification": "easy",
    "tasks": ["find-plant", "boil"],
    "variations": 2,
    "ambiguity": "agent",
    "deterministic": True,
    "java": "packaged",
    "gold_paths": "original",
    "eto_indices": None,
    "max_steps": 100,
}
ETO = {"protocol": "eto", "max_steps": 120, "tasks": None}


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def eto_lists() -> Path:
    folder = external_data("eto/sciworld")
    if folder is None:
        pytest.skip("ETO's index lists are not there: set TRATREE_DATA")
    return folder


def test_all_tasks_have_the_official_splits(simulator):
    splits = {name: simulator.variations(name) for name in TASK_NAMES}
    assert len(splits) == 30
    sizes = {split: sum(len(of_task[split]) for of_task in splits.values()) for split in SPLITS}
    assert sizes == {"train": 3592, "dev": 1796, "test": 1819}
    for of_task in splits.values():
        together = sorted(variation for split in SPLITS for variation in of_task[split])
        assert together == list(range(len(together)))


def test_simplifications_are_those_of_the_simulator(simulator):
    offered = simulator._machine.simulator.getPossibleSimplifications().split(", ")
    assert sorted(offered) == sorted(SIMPLIFICATIONS)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 11, None])
def test_variations_are_spread_evenly(count):
    chosen = spread(list(range(10)), count)
    assert len(chosen) == min(10, count or 10)
    gaps = {b - a for a, b in zip(chosen, [*chosen[1:], 10], strict=True)}
    assert max(gaps) - min(gaps) <= 1


def test_tasks_are_listed_once_with_their_descriptions(tmp_path):
    reports = []
    prepare_data(SETTINGS, tmp_path, lambda done, total: reports.append((done, total)))
    assert reports[-1] == (12, 12)
    assert sorted(reports) == reports
    env = make_env(SETTINGS, tmp_path, tmp_path / "cache")
    tasks = env.tasks("train")
    assert [task.task_id for task in tasks] == ["boil/0", "boil/7", "find-plant/0", "find-plant/75"]
    assert [task.task_type for task in tasks] == ["boil", "boil", "find-plant", "find-plant"]
    first = env.reset(tasks[3])
    env.close()
    assert first.observation.startswith(tasks[3].instruction + "\nThis room is called")
    listed = {file: file.stat().st_mtime_ns for file in (tmp_path / "tasks").iterdir()}
    interrupted = tmp_path / "tasks" / "boil.json"
    content = interrupted.read_bytes()
    interrupted.rename(tmp_path / "tasks" / ".boil.json")
    prepare_data(SETTINGS, tmp_path, ignore)
    assert interrupted.read_bytes() == content
    kept = tmp_path / "tasks" / "find-plant.json"
    assert kept.stat().st_mtime_ns == listed[kept]
    assert {task.split for split in SPLITS for task in env.tasks(split)} == set(SPLITS)


def test_eto_has_its_own_lists(eto_lists):
    variations, limits = eto_variations(eto_lists), eto_step_limits(eto_lists)
    sizes = {split: sum(len(v[split]) for v in variations.values()) for split in SPLITS}
    assert sizes == {"train": 1483, "dev": 194, "test": 211}
    assert set(variations) == set(limits)
    assert len(limits) == 24
    assert set(limits) < set(TASK_NAMES)
    assert limits["measure-melting-point-known-substance"] == max(limits.values()) == 120


class NoMachine:
    """Takes a simulator's place where none is needed."""

    def path(self, name, variation):
        return []


def test_lists_may_repeat_and_overlap_and_it_is_told(tmp_path):
    for split, numbers in {"train": [3, 1, 3], "dev": [1, 2, 2], "test": [4]}.items():
        pairs = json.dumps([["boil", number] for number in numbers])
        (tmp_path / f"{split}_indices.json").write_text(pairs)
    found = eto_variations(tmp_path)
    assert found == {"boil": {"train": [1, 3], "dev": [1, 2], "test": [4]}}
    tasks = [
        Task(f"boil/{variation}", split, "boil", "")
        for split, variations in found["boil"].items()
        for variation in variations
    ]
    env = ScienceWorldEnv(tasks, NoMachine(), NoMachine(), max_steps=5)
    assert env.notes("dev") == ["1 task also for training, in the lists as published"]
    assert env.notes("test") == env.notes("train") == []
    with pytest.raises(NoExpertError, match="no gold path for boil/1"):
        env.expert(tasks[0])


def test_eto_sets_limits_and_keeps_the_best_score(eto_lists, tmp_path):
    name = "lifespan-longest-lived"
    settings = SETTINGS | ETO | {"tasks": [name], "variations": 1, "eto_indices": str(eto_lists)}
    prepare_data(settings, tmp_path, ignore)
    env = make_env(settings, tmp_path, tmp_path / "cache")
    (task,) = env.tasks("test")
    assert task.task_id == f"{name}/{eto_variations(eto_lists)[name]['test'][0]}"
    env.reset(task)
    assert env.max_steps == 10
    for action in ("teleport to outside", "focus on the ground"):
        result = env.step(action)
    env.close()
    assert (result.score, result.success, result.finished) == (0.5, False, True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"protocol": "Eto"}, r"^env\.protocol=Eto .* one of official, eto"),
        ({"ambiguity": "last"}, r"^env\.ambiguity=last .* one of agent, first$"),
        ({"java": "17"}, r"^env\.java=17 .* one of packaged, system$"),
        ({"gold_paths": "x"}, r"^env\.gold_paths=x .* one of original, plain$"),
        ({"simplification": "easy,openDoors"}, r"^env\.simplification=.*use easy alone"),
        ({"simplification": "open"}, r"^env\.simplification=open is not known: "),
        ({"variations": 0}, r"^env\.variations=0 .* a whole number from 1 to .* or null$"),
        ({"tasks": ["bake"]}, r"^env\.tasks has unknown bake: use some of boil, "),
        (ETO | {"simplification": ""}, r"^env\.protocol=eto plays with env\.simplification=easy"),
        (ETO | {"eto_indices": "/nowhere"}, r"^/nowhere/max_steps\.json is missing or damaged: "),
    ],
)
def test_a_bad_setting_is_named(tmp_path, changed, message):
    with pytest.raises(UserError, match=message):
        prepare_data(SETTINGS | changed, tmp_path, ignore)


def test_too_few_steps_for_eto_are_named(eto_lists, tmp_path):
    settings = SETTINGS | ETO | {"eto_indices": str(eto_lists), "max_steps": 100}
    with pytest.raises(UserError, match=r"^env\.max_steps=100 would cut .* set env\.max_steps=120"):
        prepare_data(settings, tmp_path, ignore)


def test_damaged_eto_lists_are_named(eto_lists, tmp_path):
    for name in ("max_steps.json", *(f"{split}_indices.json" for split in SPLITS)):
        (tmp_path / name).write_bytes((eto_lists / name).read_bytes())
    for damage in ('[["task-1-boil"]]', '[["task-1-boil", null]]', "[1]", "3", "{"):
        (tmp_path / "dev_indices.json").write_text(damage)
        with pytest.raises(UserError, match=r"dev_indices\.json is missing or damaged"):
            eto_variations(tmp_path)


def test_missing_eto_lists_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TRATREE_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"^env\.protocol=eto needs ETO's index lists: set "):
        prepare_data(SETTINGS | ETO, tmp_path, ignore)


def test_the_default_configuration_names_tasks_that_exist():
    config = compose_config(["env=scienceworld"])
    assert set(config.env.tasks) <= set(TASK_NAMES)
    assert set(SETTINGS) | {"splits"} == set(env_settings(config))
    assert set(config.env.splits.values()) == set(SPLITS)
    assert json.dumps(env_settings(config))
