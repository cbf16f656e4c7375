"""Checks of a stage's contents before it is used; the command that looks after a store."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands import train
from tests.store.test_store import chain, open_store
from tratree.cli.store import main
from tratree.errors import UserError
from tratree.store.finished import CODE, DESCRIPTION, TIMING
from tratree.store.inventory import SET_ASIDE, check, list_stages, prune, repair
from tratree.store.manifest import MANIFEST, checked_file, find_damage, verify
from tratree.store.stage import Job, Stage
from tratree.store.uses import read_uses, using


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def link(path: Path) -> None:
    other = path.parent.parent / "copy"
    path.rename(other)
    path.symlink_to(other)


def add(path: Path) -> None:
    (path.parent / "more.txt").write_text("")


DAMAGES: tuple[Callable[[Path], None], ...] = (
    flip,
    link,
    add,
    Path.unlink,
    lambda path: path.write_text(""),
    lambda path: (path.parent / DESCRIPTION).write_text("{"),
    lambda path: (path.parent / DESCRIPTION).unlink(),
    lambda path: (path.parent / MANIFEST).write_text("[]"),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_stage_is_not_computed_with(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store = open_store(tmp_path)
    stage = chain()
    lines = store.ensure(stage.inputs["lines"])
    damage(lines / "lines.txt")
    said = rf"stage lines {lines.name} is damaged .*store repair"
    with pytest.raises(UserError, match=said) as caught:
        store.ensure(stage)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "calls.txt").exists()
    [repaired] = repair(tmp_path)
    assert repaired.place == f"lines/{lines.name}"
    store.ensure(stage)
    assert list((tmp_path / SET_ASIDE / "lines").iterdir()) == [repaired.aside]
    assert all(found is None for _, found in check(tmp_path))


def test_damage_of_another_stage_stops_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    other = store.ensure(chain(lines=5))
    (other / DESCRIPTION).write_text("[" * 100_000)
    assert store.ensure(chain())


def test_a_result_from_before_there_were_manifests_is_given_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    folder = store.ensure(chain())
    (folder / MANIFEST).unlink()
    store.ensure(chain())
    assert set(json.loads((folder / MANIFEST).read_text())) == {CODE, DESCRIPTION, "doubled.txt"}
    flip(folder / "doubled.txt")
    with pytest.raises(UserError, match="damaged"):
        store.ensure(chain())


def test_the_time_that_a_stage_took_is_no_result(tmp_path: Path) -> None:
    folder = open_store(tmp_path).ensure(chain())
    (folder / TIMING).write_text("{")
    verify(folder)


def test_a_large_file_is_read_once_for_each_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tratree.store.manifest.SMALL", 1)
    folder = open_store(tmp_path).ensure(chain())
    read: list[Path] = []

    listed = json.loads((folder / MANIFEST).read_text())

    def digest(path: Path) -> bytes:
        read.append(path)
        return bytes.fromhex(listed[path.name]["sha256"])

    monkeypatch.setattr("tratree.store.manifest.file_digest", digest)
    assert find_damage(folder, checked_file(folder)) is None
    assert read == []  # it was known since it was written
    flip(folder / "doubled.txt")
    assert find_damage(folder, checked_file(folder)) is None
    assert read == [folder / "doubled.txt"]
    find_damage(folder)
    assert len(read) == 1 + len(listed)  # all


def write_two(job: Job) -> None:
    (job.folder / "result.txt").write_text("result")
    (job.folder / "log.txt").open("a").write("line\n")


def test_what_is_in_a_partial_folder_is_not_taken_over(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    stage = Stage("two", {}, write_two, resumes=("log.txt",))
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    partial = store.folder(stage).with_suffix(".partial")
    (partial / "deep").mkdir(parents=True)
    names = ("result.txt", "deep/link", TIMING, DESCRIPTION, f".{DESCRIPTION}.{os.getpid()}.tmp")
    for name in names:
        (partial / name).symlink_to(secret)
    (partial / "foreign.txt").write_text("")
    (partial / ".result.txt.123.tmp").write_text("")
    (partial / "log.txt").write_text("line\n")
    folder = store.ensure(stage)
    assert (folder / "log.txt").read_text() == "line\n" * 2  # what it resumes
    own = {"result.txt", "log.txt", TIMING, CODE, DESCRIPTION, MANIFEST}
    assert {path.name for path in folder.iterdir()} == own
    assert secret.read_text() == "secret"
    assert secret.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
@pytest.mark.parametrize("place", ["stage", "partial", "name", "lock"])
def test_something_else_in_the_place_of_a_folder_is_one_line(
    tmp_path: Path, place: str, kind: str
) -> None:
    store = open_store(tmp_path / "store")
    stage = chain().inputs["lines"]
    folder = store.folder(stage)
    path = {
        "stage": folder,
        "partial": folder.with_suffix(".partial"),
        "name": folder.parent,
        "lock": folder.with_suffix(".lock"),
    }[place]
    path.parent.mkdir(parents=True)
    if kind == "file" and place == "lock":
        path.mkdir()
    elif kind == "file":
        path.write_text("")
    else:
        path.symlink_to(tmp_path / "nowhere" if kind == "dangling link" else tmp_path)
    with pytest.raises(UserError, match="remove it") as caught:
        store.ensure(stage)
    assert "\n" not in str(caught.value)


def test_prune_removes_what_nobody_uses(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    kept, other, in_use = chain(), chain(lines=4), chain(lines=5)
    for stage in (kept, other, in_use):
        store.ensure(stage)
    with store.using([in_use]):
        removed = prune(tmp_path, [f"double/{kept.key}"], remove=False)
        assert {s.place for s in removed} == {
            f"double/{other.key}",
            f"lines/{other.inputs['lines'].key}",
        }
        assert prune(tmp_path, [f"double/{kept.key}"]) == removed
    left = {stage.place for stage in list_stages(tmp_path)}
    for stage in (kept, in_use):
        assert left >= {f"double/{stage.key}", f"lines/{stage.inputs['lines'].key}"}
    assert len(left) == 4
    store.ensure(other)
    assert len(list_stages(tmp_path)) == 6


def test_a_stage_that_is_computed_is_not_removed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    seen: list[int] = []

    def look(job: Job) -> None:
        seen.append(len(prune(tmp_path, [])))
        (job.folder / "result.txt").write_text((job.inputs["lines"] / "lines.txt").read_text())

    store.ensure(replace(chain(), run=look))
    assert seen == [0]
    assert len(prune(tmp_path, [])) == 2


@pytest.mark.parametrize("mode", [0o777, 0o2770, 0o700])
def test_all_in_a_store_lets_in_whom_its_folder_lets_in(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    run = tmp_path.parent / f"run-{tmp_path.name}"
    run.mkdir()
    before = os.umask(0o077)
    try:
        store = replace(open_store(tmp_path), run=run)
        (tmp_path / "cache" / "games").mkdir(parents=True)
        (tmp_path / "cache" / "games" / "1.json").write_text("")
        store.ensure(chain())
    finally:
        os.umask(before)
    below = [path for path in tmp_path.rglob("*") if path.name != "calls.txt"]
    assert {path.name for path in below} >= {".uses", "gate.lock", "cache", "games", "lines"}
    for path in below:
        wanted = mode if path.is_dir() else mode & 0o666
        assert oct(path.stat().st_mode & 0o7777) == oct(wanted), path


def test_uses_of_dead_processes_and_runs_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with using(tmp_path, ["lines/1"]), using(tmp_path, ["lines/2"], run):
        assert {(use.run, use.living) for use in read_uses(tmp_path)} == {(None, True), (run, True)}
    assert [(use.run, use.living) for use in read_uses(tmp_path)] == [(run, False)]
    run.rmdir()
    assert read_uses(tmp_path) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = open_store(tmp_path).ensure(chain())
    for command in ("list", "size", "check", "repair"):
        main([command, "--store", str(tmp_path)])
    told = capsys.readouterr().out
    assert f"double/{folder.name}" in told
    assert "2 stages" in told
    assert "no stage in" in told
    flip(folder / "doubled.txt")
    with pytest.raises(UserError, match="damaged: 1 of 2 stages"):
        main(["check", "--store", str(tmp_path)])
    main(["repair", "--store", str(tmp_path)])
    assert "set aside" in capsys.readouterr().out
    with pytest.raises(UserError, match="nowhere"):
        main(["prune", "--store", str(tmp_path), "--keep", str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match="there is no store"):
        main(["list", "--store", str(tmp_path / "nowhere")])


@pytest.mark.slow
def test_repair_computes_again_as_the_run_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = ["debug=smoke", "method=sft_weak", "env.train_games=6", "expert.tasks=2"]
    where = [f"store={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'run'}"]
    done = train(*overrides, *where, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [damaged] = (tmp_path / "store" / "demonstrations").glob("*/demonstrations.jsonl")
    content = damaged.read_bytes()
    flip(damaged)
    repair_command = ["repair", "--store", str(tmp_path / "store")]
    main([*repair_command, "--set-aside"])
    assert not damaged.exists()
    assert "any of these computes it again" in capsys.readouterr().out
    shutil.copytree(next((tmp_path / "store" / SET_ASIDE).glob("*/*")), damaged.parent)
    main(repair_command)
    assert f"computed again, as in {tmp_path / 'run'}" in capsys.readouterr().out
    assert damaged.read_bytes() == content
    main(["check", "--store", str(tmp_path / "store")])
    flip(damaged)
    (tmp_path / "run" / ".hydra" / "config.yaml").unlink()
    main(repair_command)
    assert "not computed" in capsys.readouterr().out
