"""External files are named by what they hold, and read again only if they changed."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tratree import external_files
from tratree.composition import compose_config
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.errors import UserError
from tratree.external_files import ExternalFiles, located
from tratree.stages.environment import env_settings, games_stage


def files(folder: Path, **contents: str) -> ExternalFiles:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content)
    return ExternalFiles(folder, {name: folder / name for name in contents})


def test_a_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    one = files(tmp_path / "one", a="1", b="2").digest(cache)
    assert files(tmp_path / "two", b="2", a="1").digest(cache) == one
    for other in ({"a": "2", "b": "1"}, {"a": "12", "b": ""}, {"a": "1", "c": "2"}, {"a": "1"}):
        assert files(tmp_path / "other", **other).digest(cache) != one
    assert located(one) == str(tmp_path / "two")
    assert located("elsewhere") == "elsewhere"
    with pytest.raises(UserError, match="are not known here"):
        located("content:0123")


@pytest.mark.parametrize("damage", [b"", b"\xff", b"content:zz"])
def test_a_damaged_digest_is_computed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes
) -> None:
    cache, held = tmp_path / "cache", files(tmp_path / "one", a="1")
    digest = held.digest(cache)
    [kept] = cache.iterdir()
    kept.write_bytes(damage)
    monkeypatch.setattr(external_files, "_digests", {})
    assert held.digest(cache) == digest


KEPT = "content:" + 32 * "0"


def test_files_are_read_again_only_if_they_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    found = files(tmp_path / "one", a="1")
    first = found.digest(cache)
    (kept,) = cache.iterdir()
    kept.write_text(KEPT)
    monkeypatch.setattr(external_files, "_digests", {})  # as in another process
    assert found.digest(cache) == KEPT
    path, times = tmp_path / "one" / "a", os.stat(tmp_path / "one" / "a")
    path.write_text("2")  # of the same size, with the same time
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert found.digest(cache) not in (first, KEPT)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    found = files(tmp_path / "one", a="1")
    assert found.digest(tmp_path / "cache") == found.digest(None)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    gone = ExternalFiles(tmp_path, {"a": tmp_path / "gone"})
    with pytest.raises(UserError, match=r"\Acannot read [^\n]*gone[^\n]*\Z"):
        gone.digest(tmp_path / "cache")


@pytest.fixture(scope="module")
def alfworld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("alfworld")
    generate_games(root, "train", 2, difficulty="small", seed=0)
    return root


@pytest.fixture(scope="module")
def webshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("webshop")
    generate_catalogue(root, 20, 0)
    return root


def changes(path: Path) -> None:
    path.write_text(path.read_text().replace("e", "E", 1))


@pytest.mark.parametrize(
    ("name", "overrides", "read", "unread"),
    [
        (
            "alfworld",
            ("env.games=official",),
            "json_2.1.1/train/*/*/game.tw-pddl",
            "json_2.1.1/train/*/*/initial_state.pddl",
        ),
        (
            "webshop",
            ("env=webshop", "env.catalogue=official"),
            "items_shuffle.json",
            "items_human_ins.json",
        ),
    ],
)
def test_keys_hold_contents_and_no_paths(
    name: str, overrides: tuple[str, ...], read: str, unread: str, request, tmp_path: Path
) -> None:
    there = Path(request.getfixturevalue(name))
    here = Path(shutil.copytree(there, tmp_path / "copy"))

    def key(folder: Path) -> str:
        stored = f"store={tmp_path}/store"
        return games_stage(compose_config([*overrides, f"env.data={folder}", stored])).key

    first = key(there)
    assert key(here) == first
    changes(next(here.glob(unread)))
    assert key(here) == first
    changes(next(here.glob(read)))
    assert key(here) != first


def test_index_lists_count_where_they_are_used(tmp_path: Path) -> None:
    def key(*overrides: str) -> str:
        folder = f"env.eto_indices={tmp_path}"
        return games_stage(compose_config(["env=scienceworld", folder, *overrides])).key

    eto = ("env.protocol=eto", "env.max_steps=120")
    with pytest.raises(UserError, match=r"cannot read .*_indices.json"):
        key(*eto)
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}_indices.json").write_text('[["boil", 0]]')
    (tmp_path / "max_steps.json").write_text('{"boil": 100}')
    before = key(*eto)
    (tmp_path / "dev_indices.json").write_text('[["boil", 1]]')
    assert key(*eto) != before


@pytest.mark.parametrize(
    ("overrides", "needed"),
    [
        (("env.data=official",), "env.games=official"),
        (("env=webshop", "env.data=official"), "env.catalogue=official"),
        (("env=webshop", "env.eto_indices=lists"), "env.protocol=eto"),
        (("env=scienceworld", "env.eto_indices=lists"), "env.protocol=eto"),
    ],
)
def test_a_folder_that_nothing_reads_is_refused(overrides: tuple[str, ...], needed: str) -> None:
    said = f"{overrides[-1]} is not read without {needed}: set it, too, or leave"
    with pytest.raises(UserError, match=re.escape(said)):
        compose_config(list(overrides))


def test_generated_games_do_not_depend_on_where_official_ones_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    without = games_stage(compose_config([])).key
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "mistyped"))
    assert games_stage(compose_config([])).key == without
    assert env_settings(compose_config([]))["data"] is None
    with pytest.raises(UserError, match=r"mistyped has neither .*ALFWORLD_DATA"):
        games_stage(compose_config(["env.games=official"]))
    assert not (tmp_path / "mistyped").exists()


def test_settings_that_came_later_are_in_a_key_only_if_they_are_set() -> None:
    assert "forgiving" not in env_settings(compose_config([]))
    assert env_settings(compose_config(["env.forgiving=true"]))["forgiving"] is True
    shop = env_settings(compose_config(["env=webshop"]))
    assert shop["distinct_goals"] is True
    assert "distinct_goals" not in env_settings(
        compose_config(["env=webshop", "env.distinct_goals=false"])
    )
