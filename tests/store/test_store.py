"""The store: reuse, locks, interruption, and disks that refuse."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.store.finished import read_description
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources, Stage
from tratree.store.store import Store, unfinished_stages


def open_store(root: Path) -> Store:
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    return Store(root, Resources(WorkerSettings(), EngineSettings(1), root / "cache"), progress)


def test_the_inputs_of_a_finished_stage_are_not_unfinished(tmp_path: Path) -> None:
    first = Stage("first", {}, count_lines)
    second = Stage("second", {}, count_lines, {"before": first})
    third = Stage("third", {}, count_lines, {"before": second})
    assert unfinished_stages(tmp_path, [third]) == [third, second, first]
    (tmp_path / second.name / second.key).mkdir(parents=True)
    assert unfinished_stages(tmp_path, [third, second]) == [third]


def count_lines(job: Job) -> None:
    """Append a line per unit of work, continuing after the lines already there."""
    path = job.folder / "lines.txt"
    done = len(path.read_text().splitlines()) if path.exists() else 0
    with path.open("a") as file:
        for number in range(done, job.settings["lines"]):
            file.write(f"{number}\n")
            file.flush()
            time.sleep(job.settings.get("pause", 0.0))


def count_seven_and_die(job: Job) -> None:
    (job.folder / "lines.txt").write_text("".join(f"{number}\n" for number in range(7)))
    os.kill(os.getpid(), signal.SIGKILL)


def double(job: Job) -> None:
    lines = (job.inputs["lines"] / "lines.txt").read_text()
    (job.folder / "doubled.txt").write_text(lines * 2)
    with (job.resources.cache.parent / "calls.txt").open("a") as file:
        file.write("double\n")


def chain(lines: int = 3, pause: float = 0.0) -> Stage:
    first = Stage("lines", {"lines": lines, "pause": pause}, count_lines)
    return Stage("double", {}, double, {"lines": first})


def test_a_stage_is_computed_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    folder = store.ensure(chain())
    assert (folder / "doubled.txt").read_text() == "0\n1\n2\n" * 2
    assert store.ensure(chain()) == folder
    assert (tmp_path / "calls.txt").read_text() == "double\n"
    assert read_description(folder)["inputs"] == {"lines": chain().inputs["lines"].key}


def test_settings_inputs_and_version_make_the_key() -> None:
    stage = chain()
    assert stage.key == chain().key
    assert stage.key != chain(lines=4).key
    assert stage.key != replace(stage, version=2).key
    assert stage.key != replace(stage, settings={"other": 1}).key
    assert stage.key == replace(stage, label="only for people").key


def test_changing_a_late_setting_reuses_what_came_before(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.ensure(chain())
    store.ensure(replace(chain(), settings={"other": 1}))
    assert len(list((tmp_path / "lines").glob("*/"))) == 1
    assert len(list((tmp_path / "double").glob("*/"))) == 2


def test_equal_inputs_of_other_origin_are_not_computed_with_again(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = store.ensure(chain())
    slow = chain(pause=0.001)  # writes the same lines
    self_contained = replace(slow.inputs["lines"], self_contained=True)
    same = replace(slow, inputs={"lines": self_contained})
    folder = store.ensure(same)
    assert folder != first
    assert (folder / "doubled.txt").read_bytes() == (first / "doubled.txt").read_bytes()
    assert read_description(folder) == same.description()
    assert (tmp_path / "calls.txt").read_text() == "double\n"
    assert same.key not in store.computed
    assert self_contained.key in store.computed


@pytest.mark.parametrize(
    ("other", "self_contained"),
    [
        (chain(pause=0.001), False),  # what follows may read the other pause
        (chain(lines=4), True),
        (replace(chain(pause=0.001), settings={"other": 1}), True),
        (replace(chain(pause=0.001), version=2), True),
    ],
)
def test_other_inputs_or_settings_are_computed_with(
    tmp_path: Path, other: Stage, self_contained: bool
) -> None:
    store = open_store(tmp_path)
    store.ensure(chain())
    lines = replace(other.inputs["lines"], self_contained=self_contained)
    store.ensure(replace(other, inputs={"lines": lines}))
    assert (tmp_path / "calls.txt").read_text() == "double\n" * 2


UNGUARDED = """
import multiprocessing
from tratree.composition import compose_config
from tratree.store.progress import Progress
from tratree.runs.run import open_store
print("opened", open_store(compose_config(["store=store"]), Progress()).root)
process = multiprocessing.get_context("forkserver").Process(target=print)
process.start()
process.join()
"""


def test_a_script_that_its_workers_run_again_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count("opened") == 1
    assert "put what it does under `if __name__ == '__main__':`" in done.stderr


def ensure_slow_chain(root: Path) -> None:
    open_store(root).ensure(chain(lines=40, pause=0.02))


def test_two_processes_share_a_store_and_do_each_stage_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    both = [context.Process(target=ensure_slow_chain, args=(tmp_path,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [p.exitcode for p in both] == [0, 0]
    assert (tmp_path / "calls.txt").read_text() == "double\n"
    written = next((tmp_path / "lines").glob("*/lines.txt")).read_text()
    assert written == "".join(f"{n}\n" for n in range(40))


def ensure_dying_stage(root: Path) -> None:
    open_store(root).ensure(replace(chain(lines=40).inputs["lines"], run=count_seven_and_die))


def test_a_killed_stage_goes_on_where_it_was(tmp_path: Path) -> None:
    process = multiprocessing.get_context("forkserver").Process(
        target=ensure_dying_stage, args=(tmp_path,)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    partial = next((tmp_path / "lines").glob("*.partial"))
    assert len((partial / "lines.txt").read_text().splitlines()) == 7
    open_store(tmp_path).ensure(chain(lines=40))
    written = next((tmp_path / "lines").glob("*/lines.txt")).read_text()
    assert written == "".join(f"{n}\n" for n in range(40))
    assert not list((tmp_path / "lines").glob("*.partial"))


def test_a_failing_stage_leaves_no_finished_folder(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        raise UserError("bad input: fix it")

    store = open_store(tmp_path)
    stage = Stage("failing", {}, fail)
    with pytest.raises(UserError, match="fix it"):
        store.ensure(stage)
    assert not store.folder(stage).exists()


def test_a_store_that_cannot_be_a_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="set store=FOLDER") as caught:
        open_store(tmp_path / "file").ensure(chain())
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_reported_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs rights that this machine does not give")
    try:
        store = open_store(disk / "store")
        finished = store.ensure(chain(lines=10))
        with pytest.raises(UserError, match="no space left for the store"):
            store.ensure(chain(lines=100_000))
        assert (finished / "doubled.txt").read_text().count("\n") == 20
    finally:
        subprocess.run(["umount", str(disk)], check=True)
