"""Demonstrations from files: matched with tasks, none of held-out ones, learned from."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.config import Config
from tratree.envs.base import play_expert
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.environment import opened
from tratree.stages.explore import explore_stage
from tratree.stages.sft import sft_stage
from tratree.stages.tasks import explored_tasks
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store
from tratree.trajectory.conversations import write_conversations
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Trajectory

# Published episodes are longer than what the tiny models play.
FEW = ("expert.tasks=3", "model.context=8192", "model.weak.sft.epochs=1")
SHOP = ("env=webshop", "env.products=600")


def configuration(folder: Path, *overrides: str) -> Config:
    return compose_config([f"store={folder}/store", *overrides])


def open_store(folder: Path) -> tuple[Store, io.StringIO]:
    """Return the store, and what it will have said."""
    said = io.StringIO()
    resources = Resources(WorkerSettings(), EngineSettings(1), folder / "store" / "cache")
    return Store(folder / "store", resources, Progress(Console(file=said, width=200))), said


def take(folder: Path, *overrides: str) -> tuple[list[Trajectory], str]:
    """Return what the stage keeps, and what it says."""
    store, said = open_store(folder)
    stage = store.ensure(demonstrations_stage(configuration(folder, *overrides)))
    return read_trajectories(stage / DEMONSTRATIONS), said.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demonstrations")


@pytest.fixture(scope="module")
def published(folder: Path) -> Path:
    """Three demonstrations of training tasks and two of held-out ones, as AgentGym tells them."""
    with opened(configuration(folder, *SHOP)) as env:
        tasks = [*env.tasks("train")[:3], env.tasks("test")[0], env.tasks("dev")[0]]
        played = [play_expert(env, task) for task in tasks]
    write_conversations(folder / "published.json", played, "agentgym")
    records = json.loads((folder / "published.json").read_text())
    for record in records:
        del record["tratree"]
    (folder / "published.json").write_text(json.dumps(records))
    return folder / "published.json"


def test_the_expert_can_play_what_is_explored_too(folder: Path) -> None:
    config = configuration(folder, *SHOP, "expert.tasks=4", "explore.tasks=3")
    store, said = open_store(folder)
    for explored_too, count in ((False, 4), (True, 7)):
        store.ensure(demonstrations_stage(config, explored_too=explored_too))
        assert f"of {count} tasks" in said.getvalue()
    few = configuration(folder, "env.train_games=4", "expert.tasks=3", "explore.tasks=3")
    store.ensure(demonstrations_stage(few, explored_too=True))
    assert "the expert solved 4 of 4 tasks" in said.getvalue()


def test_tasks_are_found_by_their_names_and_held_out_ones_left_out(folder, published):
    key = f"expert.demonstrations={published}"
    taken, said = take(folder, *SHOP, key)
    with opened(configuration(folder, *SHOP)) as env:
        tasks = env.tasks("train")[:3]
    assert sorted(t.task.task_id for t in taken) == sorted(task.task_id for task in tasks)
    assert {t.task for t in taken} == set(tasks)
    assert all(t.record == {} and t.source == "expert" for t in taken)
    assert "5 of tasks that are known here, 2 of held-out ones" in said
    fewer, _ = take(folder, *SHOP, key, "expert.tasks=2")
    assert fewer == taken[:2]
    others, _ = take(folder, *SHOP, key, "seed=1")
    assert sorted(others, key=str) == sorted(taken, key=str)


def test_the_same_name_in_another_catalogue_is_another_task(folder, published):
    other = (*SHOP, "env.catalogue_seed=1", f"expert.demonstrations={published}")
    taken, said = take(folder, *other)
    assert len(taken) == 3  # two have names of held-out tasks
    assert "2 of held-out ones, which are left out; 3 could not be identified" in said


def test_the_content_of_the_file_decides(folder, published):
    def key(path: Path) -> str:
        return demonstrations_stage(compose_config([*SHOP, f"expert.demonstrations={path}"])).key

    copy = folder / "copy.json"
    copy.write_bytes(published.read_bytes())
    assert key(copy) == key(published)
    copy.write_bytes(published.read_bytes() + b"\n")
    assert key(copy) != key(published)


def test_bad_files_are_named_in_one_line(folder, tmp_path):
    with pytest.raises(UserError, match=r"\Aexpert\.demonstrations=.*none\.json cannot be read"):
        take(folder, *SHOP, f"expert.demonstrations={tmp_path}/none.json")
    (tmp_path / "bad.json").write_text('[{"conversations": []}]')
    with pytest.raises(UserError, match=r"expert\.minimum_score=2"):
        configuration(folder, "expert.minimum_score=2")
    with pytest.raises(UserError, match=r"\Arecord 1 of .*bad\.json is not a conversation[^\n]*\Z"):
        take(folder, *SHOP, f"expert.demonstrations={tmp_path}/bad.json")


def records(published: Path, *changes: dict[str, object]) -> list[dict[str, object]]:
    """Return the published records, each with fields changed; None removes one."""
    every = json.loads(published.read_text())
    for record, change in zip(every, changes, strict=False):
        record.update(change)
        for key in [key for key, value in record.items() if value is None and key != "reward"]:
            del record[key]
    return every


def take_records(folder: Path, path: Path, every: object, *overrides: str):
    path.write_text(json.dumps(every))
    taken, said = take(folder, *SHOP, f"expert.demonstrations={path}", *overrides)
    return sorted(t.task.task_id for t in taken), said


def test_failures_are_left_out_and_counted(folder, published, tmp_path):
    every = records(published, {"reward": 0.4}, {"reward": None}, {"reward": 1, "success": False})
    first, second = "webshop_1500", "webshop_1501"
    taken, said = take_records(folder, tmp_path / "a.json", every)
    assert taken == [second]  # nothing is known of its score
    assert "2 left out: its score is below expert.minimum_score=1, or it failed" in said
    assert "trajectories without a score: 1" in said
    taken, said = take_records(folder, tmp_path / "a.json", every, "expert.minimum_score=0.3")
    assert len(taken) == 3
    assert "left out: its score" not in said
    twice = [*every, {**every[1], "reward": 0.9}]
    taken, _ = take_records(
        folder, tmp_path / "a.json", twice, "expert.minimum_score=0", "expert.per_task=1"
    )
    assert taken == [first, second, "webshop_1502"]


def test_what_cannot_be_identified_is_trained_on_only_if_asked(folder, published, tmp_path):
    nameless = records(published, *[{"item_id": None}] * 5)
    known = [*nameless, json.loads(published.read_text())[0]]
    taken, said = take_records(folder, tmp_path / "a.json", known)
    assert "webshop_1500" in taken
    assert len(taken) <= 4  # a training goal that no held-out task shares is safe
    assert "5 could not be identified" in said
    assert "left out: its task cannot be told, and could be a held-out one" in said
    more, _ = take_records(folder, tmp_path / "a.json", known, "expert.train_unidentified=true")
    assert len(more) == 4  # what opens as a held-out task does is never taken


def test_record_errors_are_reported_and_the_rest_taken(folder, published, tmp_path):
    store, said = open_store(folder)
    path = tmp_path / "a.json"
    path.write_text(json.dumps([*records(published)[:2], {"item_id": 5}, 7]))
    stage = store.ensure(
        demonstrations_stage(configuration(folder, *SHOP, f"expert.demonstrations={path}"))
    )
    report = json.loads((stage / "report.json").read_text())
    assert report["taken"] == 2
    assert [entry["record"] for entry in report["skipped"]] == [
        f"record {n} of {path}" for n in (3, 4)
    ]
    assert "1 left out: it is 7, not an object (first: record 4 of a.json)" in said.getvalue()


def test_token_ids_of_a_file_are_not_trained_on(folder, tmp_path):
    with opened(configuration(folder, *SHOP)) as env:
        (task,) = env.tasks("train")[:1]
        played = play_expert(env, task)
    steps = tuple(replace(step, token_ids=(7, 10**9)) for step in played.steps)
    write_trajectories(tmp_path / "a.jsonl", [replace(played, steps=steps)])
    (taken,), said = take(folder, *SHOP, f"expert.demonstrations={tmp_path}/a.jsonl")
    assert taken == played
    assert "trajectories whose token ids are not used, as models read their texts: 1" in said


def test_explored_tasks_keep_apart_from_those_of_a_file(folder, published):
    config = configuration(
        folder, *SHOP, f"expert.demonstrations={published}", "explore.tasks=3897"
    )
    with opened(config) as env:
        tasks = env.tasks("train")
    demonstrated = {task.task_id for task in tasks[:3]}
    explored = {t.task_id for t in explored_tasks(tasks, len(tasks) - 3, 0, demonstrated)}
    assert not explored & demonstrated
    assert len(explored_tasks(tasks, len(tasks) - 1, 0, demonstrated)) == len(tasks) - 1
    assert explored_tasks(tasks, 5, 0) == explored_tasks(tasks, 5, 0, ())
    stage = explore_stage(config, sft_stage(config, "weak"))
    assert stage.inputs["demonstrated"].key == demonstrations_stage(config).key
    plain = explore_stage(configuration(folder, *SHOP), sft_stage(config, "weak"))
    assert "demonstrated" not in plain.inputs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "known", "overrides"),
    [
        ("webshop_agentgym_200.json", 200, ("env=webshop", "env.catalogue=official")),
        ("sciworld_agentgym_10.json", 0, ("env=scienceworld", "env.variations=1")),
    ],
)
def test_published_demonstrations_are_learned_from(tmp_path, file, known, overrides):
    """The tiny models read hardly a word of them; what they learn is not looked at."""
    path = external_data(f"trajectories/{file}")
    if path is None or external_data("webshop") is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    config = configuration(tmp_path, *overrides, *FEW, f"expert.demonstrations={path}")
    store, said = open_store(tmp_path)
    store.ensure(sft_stage(config, "weak"))
    assert f": {known} of tasks that are known here" in said.getvalue()
    assert re.search(r"\n  3 samples, 1 step, loss \d", said.getvalue())
