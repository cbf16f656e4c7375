"""The view that people have of a run: rates, the time left, and the log file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tratree.store import progress as module
from tratree.store.finished import expected_seconds
from tratree.store.progress import Progress, duration


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def strftime(self, _: str) -> str:
        return "12:00:00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_lines_have_a_rate_and_the_time_left_of_stage_and_run(clock: Clock) -> None:
    said = io.StringIO()
    progress = Progress(Console(file=said, width=200))
    progress.plan({"explore": 60.0, "trees": 1.0, "evaluate mcts": 299.0})
    with progress.stage("explore"), progress.bar("explore", 400) as advance:
        advance(100, "10% solved")  # of an interrupted run
        clock.now += 20
        advance(200, "20% solved")
    lines = said.getvalue().splitlines()
    assert lines[0] == "> explore, stage 1 of 3"
    assert lines[1] == "  explore: 200 of 400, 5.0/s, 40 s left, 6 min for the run, 20% solved"


def test_the_time_of_a_run_is_not_said_where_a_stage_is_unknown(clock: Clock) -> None:
    said = io.StringIO()
    progress = Progress(Console(file=said, width=200))
    progress.plan({"explore": None, "trees": None})
    with progress.stage("explore"), progress.bar("explore", 40) as advance:
        advance(0)
        clock.now += 20
        advance(20)
    assert "  explore: 20 of 40, 1.0/s, 20 s left\n" in said.getvalue()


def test_the_log_has_what_a_quiet_run_does_not_show(tmp_path: Path, clock: Clock) -> None:
    said = io.StringIO()
    log = tmp_path / "tratree.log"
    progress = Progress(Console(file=said), log=log, quiet=True)
    progress.message("found")
    progress.show(lambda console: console.print("a table"))
    assert said.getvalue() == ""
    assert log.read_text("utf-8") == "12:00:00 found\na table\n"


def test_durations() -> None:
    assert [duration(s) for s in (3.4, 119, 600, 12_000)] == [
        "3 s",
        "119 s",
        "10 min",
        "3 h 20 min",
    ]


def test_a_stage_may_take_as_long_as_those_most_like_it() -> None:
    def settings(seed: int, tasks: int, low: float) -> dict:
        return {"seed": seed, "tasks": tasks, "dpo": {"beta": low}}

    finished = [(settings(0, 400, 0.1), 60.0), (settings(1, 400, 0.1), 80.0)]
    smoke = [(settings(2, 6, 0.3), 1.0)]
    assert expected_seconds(settings(2, 400, 0.1), finished + smoke) == 70.0
    assert expected_seconds(settings(0, 400, 0.5), finished + smoke) == 60.0
    assert expected_seconds(settings(3, 400, 0.1), smoke) is None
    assert expected_seconds(settings(0, 400, 0.1), []) is None
