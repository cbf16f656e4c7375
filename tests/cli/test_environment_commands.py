"""``tratree play``, ``tasks`` and ``convert``, run as a user runs them, with piped input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

SMALL = {
    "alfworld": ("env.train_games=3", "env.held_out_games=2"),
    "scienceworld": ("env.tasks=[lifespan-longest-lived]", "env.variations=1"),
    "webshop": ("env.products=600",),
}
SIZES = {
    "alfworld": {"train": 3, "seen": 2, "unseen": 2, "development": 2},
    "scienceworld": {"train": 1, "test": 1, "development": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


def tratree(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    code = "from tratree.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=folder, input=typed, capture_output=True, text=True, check=False
    )


def on(env: str) -> tuple[str, ...]:
    return (f"env={env}", *SMALL[env])


@pytest.mark.parametrize("env", SMALL)
def test_the_expert_plays_a_task_to_its_end(folder: Path, env: str) -> None:
    done = tratree(
        folder, "play", *on(env), "--task", "1" if env == "alfworld" else "0", typed="!\n" * 30
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n(solved: score 1\.00|over: score 0\.\d\d) after \d+ steps\n", done.stdout)


def test_asking_looking_restarting_and_quitting(folder: Path) -> None:
    typed = "?\n* go to\nnonsense\nr\n?\nq\n"
    between = ("env=alfworld", "--split", "unseen", *SMALL["alfworld"])
    done = tratree(folder, "play", *between, typed=typed)
    assert done.returncode == 0, done.stderr
    first, again = done.stdout.split("from the start")
    assert "Your task is to: " in first
    advice = re.search(r"1/30 > (\w+ \w+.*: .*)\n", first)
    assert advice is not None
    assert advice[1] in again
    offered = re.findall(r"^(?:1/30 > )?(.*go to .*)$", first, re.MULTILINE)
    assert len(offered) >= 4
    assert "Nothing happens." in first
    assert "2/30 > " in first
    assert again.rstrip().endswith("stopped")


def test_the_end_of_the_input_quits(folder: Path) -> None:
    done = tratree(folder, "play", *on("alfworld"), typed="look\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("stopped")


@pytest.mark.parametrize("env", SIZES)
def test_splits_are_listed(folder: Path, env: str) -> None:
    done = tratree(folder, "tasks", *on(env))
    assert done.returncode == 0, done.stderr
    for split, size in SIZES[env].items():
        assert re.search(rf"^ {split} +{size} ", done.stdout, re.MULTILINE)


def test_the_path_of_a_damaged_game_is_shown_whole(folder: Path, tmp_path: Path) -> None:
    trial = tmp_path / "json_2.1.1/train/pick_and_place_simple-AlarmClock-None-DeskLamp-301/trial_1"
    trial.mkdir(parents=True)
    (trial / "traj_data.json").write_text('{"task_type": "pick_and_place_simple"}')
    (trial / "game.tw-pddl").write_text('{"solvable": true}')
    data = (f"env.data={tmp_path}", "env.games=official")
    done = tratree(folder, "tasks", "env=alfworld", *data)
    assert done.returncode == 0, done.stderr
    assert str(trial / "game.tw-pddl") in re.sub(r"[│\s]", "", done.stdout)


def test_tasks_are_listed_and_can_be_named(folder: Path) -> None:
    listed = tratree(folder, "tasks", *on("alfworld"), "--split", "seen").stdout.splitlines()
    assert len(listed) == 2
    task_id, _, instruction = listed[1].partition("  ")
    played = tratree(folder, "play", *on("alfworld"), "--split", "seen", "--task", task_id)
    shown = " ".join(played.stdout.replace("│", " ").split())
    assert f"Your task is to: {instruction}." in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("play", *on("alfworld"), "--split", "tset"), "use one of train, seen, unseen"),
        (("play", *on("alfworld"), "--task", "3"), "use a number up to 2"),
        (("tasks", "env=nowhere"), "env=nowhere is not known: use one of alfworld,"),
        (("convert", "none.json", "ours.jsonl"), "cannot read none.json"),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = tratree(folder, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_files_are_converted_there_and_back(folder: Path) -> None:
    task = Task("webshop_1", "train", "fashion", "Find me boots")
    steps = (Step("search", "search[boots]", "Page 1", (3, 4)), Step("", "click[Buy Now]", "Done"))
    trajectory = Trajectory(task, "WebShop", steps, 0.5, False, True, 2, "expert")
    (folder / "ours.jsonl").write_text(json.dumps(trajectory.to_json()) + "\n")
    for name in ("agentgym", "eto", "trl"):
        there = tratree(folder, "convert", "ours.jsonl", f"{name}.json", "--to", name)
        assert there.stdout.endswith(f"1 trajectory in {name}.json\n"), there.stderr
        back = tratree(folder, "convert", f"{name}.json", "back.jsonl")
        assert back.returncode == 0, back.stderr
        assert read_trajectories(folder / "back.jsonl") == [trajectory]
