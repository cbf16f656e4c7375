"""From settings to an environment."""

from dataclasses import asdict

import pytest

from tratree.composition import compose_config
from tratree.envs.base import play_expert
from tratree.envs.registry import make_env, prepare_data
from tratree.errors import UserError
from tratree.external_data import external_data


def settings(*overrides):
    return asdict(compose_config(["env=webshop", *overrides]).env)


def opened(folder, *overrides):
    chosen = settings(*overrides)
    prepare_data(chosen, folder, lambda done, total: None)
    return make_env(chosen, folder, folder / "cache")


def test_default(tmp_path):
    reports = []
    chosen = settings()
    prepare_data(chosen, tmp_path, lambda done, total: reports.append((done, total)))
    assert reports == [(1000, 1000)]
    env = make_env(chosen, tmp_path, tmp_path)
    assert env.max_steps == 10
    sizes = {name: len(env.tasks(split)) for name, split in chosen["splits"].items()}
    assert sizes == {"train": 6890, "test": 500, "development": 971}
    trajectory = play_expert(env, env.tasks("test")[0])
    assert trajectory.finished
    assert compose_config(["env=webshop"]).evaluation.splits == ("test",)


def test_human_goals_and_pages(tmp_path):
    env = opened(tmp_path, "env.goals=human", "env.products=600", "env.pages=official")
    assert len(env.tasks("train")) == 295
    task = env.tasks("test")[0]
    env.reset(task)
    assert task.instruction in env.step("search[red]").observation


def wishes(env, split):
    return {task.instruction.partition(", and price lower")[0] for task in env.tasks(split)}


def test_goals_of_training_are_not_asked_for_in_the_test(tmp_path):
    env = opened(tmp_path)
    assert not wishes(env, "train") & (wishes(env, "test") | wishes(env, "dev"))
    assert not wishes(env, "dev") & wishes(env, "test")
    assert env.notes("train") == [
        "left out: 610 goals that a held-out split also has, apart from the price "
        "(env.distinct_goals=true)"
    ]
    assert env.notes("test") == []
    before = opened(tmp_path, "env.distinct_goals=false")
    assert before.tasks("test") == env.tasks("test")
    assert len(before.tasks("train")) == 7500
    (note,) = before.notes("test")
    assert note.startswith("180 goals also for training, apart from the price")


def test_official(tmp_path, official):
    env = opened(tmp_path, "env.catalogue=official", f"env.data={official}")
    assert len(env.tasks("train")) == 6910 - 1500
    assert env.notes("test")[0].startswith("8 goals also for training")


def test_eto(tmp_path):
    if external_data("eto/webshop") is None:
        pytest.skip("the external data have no eto/webshop folder (TRATREE_DATA)")
    overrides = ("env.protocol=eto", "env.goals=human", "env.products=4100")
    env = opened(tmp_path, *overrides)
    assert (len(env.tasks("train")), len(env.tasks("test"))) == (1823, 200)
    with pytest.raises(UserError, match="no split 'dev': use one of test, train"):
        env.tasks("dev")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("env.catalogue=amazon", "env.catalogue=amazon .* one of generated, official"),
        ("env.goals=none", "env.goals=none .* one of synthetic, human"),
        ("env.protocol=mine", "env.protocol=mine .* one of official, eto"),
        ("env.pages=html", "env.pages=html .* one of official, compact"),
        ("env.tagger=brill", "env.tagger=brill .* one of lexicon, spacy"),
        ("env.products=0", "env.products=0 is not possible: it must be a whole number from 1"),
        ("env.products=null", "env.products=null: a generated catalogue needs"),
    ],
)
def test_unknown_settings(tmp_path, override, message):
    with pytest.raises(UserError, match=message):
        opened(tmp_path, override)


def test_a_folder_without_official_files(tmp_path):
    with pytest.raises(UserError, match=r"env.catalogue=official finds no items_shuffle\*.json"):
        opened(tmp_path, "env.catalogue=official", f"env.data={tmp_path}")


def test_eto_lists_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match=r"can't read .*train_indices.json"):
        opened(tmp_path, "env.protocol=eto", f"env.eto_indices={tmp_path}")


def test_no_external_data(tmp_path, monkeypatch):
    monkeypatch.setenv("TRATREE_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"env\.protocol=eto needs ETO's index lists"):
        opened(tmp_path, "env.protocol=eto")
    with pytest.raises(UserError, match=r"set env\.data to the folder"):
        opened(tmp_path, "env.catalogue=official")
