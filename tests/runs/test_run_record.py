"""Reading of a run folder: finished, under way, failed at once, or no run at all."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tratree.cli.report import main
from tratree.errors import UserError
from tratree.runs.run_record import read_run
from tratree.runs.starts import CHECKOUT, read_commit, read_starts, write_start
from tratree.trajectory.jsonl import TrajectoryLog, write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

STEP = Step("find mug", "go to shelf 1", "On the shelf 1, you see a mug 1.")
PLAYED = [
    Trajectory(Task(f"t{n}", "test", "pick", "put"), "start", (STEP,), 1.0, True, True)
    for n in range(2)
]
ESTIMATE = {"mean": 0.5, "low": 0.25, "high": 0.75}
FIGURES = {"test": {"episodes": 2, **dict.fromkeys(("reward", "success", "finished"), ESTIMATE)}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The weak model is trained and evaluated, the strong one under way, the method waits."""
    run = tmp_path / "run"
    (run / ".hydra").mkdir(parents=True)
    config = {"env": {"name": "alfworld"}, "method": {"name": "mcts"}, "seed": 3}
    hydra = {"hydra": {"overrides": {"task": ["seed=3", "logger.tags=[a, b]"]}}}
    (run / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    (run / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(hydra))
    stages = {"sft weak": "sft/w", "evaluate sft_weak": "evaluate/w"}
    stages |= {"sft strong": "sft/s", "evaluate sft_strong": "evaluate/s", "imitate": "imitate/m"}
    (run / "stages.json").write_text(json.dumps({"store": "../store", "stages": stages}))
    store = tmp_path / "store"
    for place in ("sft/w", "evaluate/w", "sft/s.partial", "evaluate/s.partial"):
        (store / place).mkdir(parents=True)
    (store / "sft/w/timing.json").write_text('{"seconds": 4.5}')
    (store / "sft/w/metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    (store / "sft/s.partial/metrics.jsonl").write_text('{"step": 1, "loss": 3.0}\n{"step"')
    write_trajectories(store / "evaluate/w/episodes.jsonl", PLAYED)
    (store / "evaluate/w/metrics.json").write_text(json.dumps(FIGURES))
    with closing(TrajectoryLog(store / "evaluate/s.partial/episodes.log.jsonl")) as log:
        log.append(PLAYED[0])
    return run


def test_a_run_under_way_has_what_there_is(run: Path) -> None:
    record = read_run(run)
    assert record.title == "alfworld, mcts, seed 3"
    assert record.command == "python train.py seed=3 'logger.tags=[a, b]'"
    assert record.status.startswith("not finished")
    assert {s.title: (s.status, s.seconds) for s in record.stages} == {
        "sft weak": ("finished", 4.5),
        "evaluate sft_weak": ("finished", None),
        "sft strong": ("begun", None),
        "evaluate sft_strong": ("begun", None),
        "imitate": ("missing", None),
    }
    assert list(record.systems) == ["sft_weak"]
    assert {title: rows[-1]["loss"] for title, rows in record.curves.items()} == {
        "sft weak": 2.0,
        "sft strong": 3.0,
    }
    assert {name: len(played) for name, played in record.episodes.items()} == {
        "sft_weak": 2,
        "sft_strong": 1,
    }
    assert "its method does not use them" in record.no_trees


def test_reading_leaves_a_log_under_way_alone(run: Path) -> None:
    log = run.parent / "store/evaluate/s.partial/episodes.log.jsonl"
    log.write_bytes(log.read_bytes() + b'{"half a line')
    before = log.read_bytes()
    assert len(read_run(run).episodes["sft_strong"]) == 1
    assert log.read_bytes() == before


def test_a_finished_run_has_its_results(run: Path) -> None:
    results = {"systems": {"mcts": FIGURES}, "pgr": {"weak": "sft_weak", "ceiling": "sft_strong"}}
    (run / "results.json").write_text(json.dumps(results))
    record = read_run(run)
    assert (record.status, list(record.systems)) == ("finished", ["mcts"])
    assert record.gap == results["pgr"]


def test_a_run_that_failed_at_once_says_why(run: Path) -> None:
    (run / "stages.json").unlink()
    (run / "failure.json").write_text('{"overrides": "", "reason": "no such model"}')
    record = read_run(run)
    assert record.status == "failed: no such model"
    assert record.stages == []


def test_a_moved_store_is_said_or_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "disk")
    assert "there is no store at" in read_run(run).status
    assert list(read_run(run, tmp_path / "disk").systems) == ["sft_weak"]


def test_every_start_is_kept(tmp_path: Path) -> None:
    assert read_starts(tmp_path) == []
    write_start(tmp_path)
    write_start(tmp_path)
    first, second = read_starts(tmp_path)
    assert first["commit"] == second["commit"] == read_commit(CHECKOUT)
    assert first["versions"]["torch"]
    assert read_commit(tmp_path) is None


def test_the_command_writes_the_page_of_an_unfinished_run(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.parent / "store/evaluate/w/metrics.json").unlink()
    main([str(run)])
    assert "alfworld, mcts, seed 3" in (run / "report.html").read_text("utf-8")
    assert not (run / "trees.html").exists()
    assert "not finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--help"),
        (["nowhere"], "nowhere is not a run folder"),
        (["run", "--out", "no/such/page.html"], "set --out FILE"),
    ],
)
def test_wrong_arguments(
    run: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    (run.parent / "store/evaluate/w/metrics.json").unlink()
    with pytest.raises(UserError, match=said) as raised:
        main(arguments)
    assert "\n" not in str(raised.value)


def test_a_damaged_file_is_named(run: Path) -> None:
    (run / "results.json").write_text("{")
    with pytest.raises(UserError, match=r"results\.json is damaged"):
        read_run(run)
