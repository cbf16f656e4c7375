"""``tratree panel`` as a user runs it: lists of tasks, and a report on results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tratree.cli import evaluate, panel
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.panel.results import Outcome, Results, write_results
from tratree.stages.environment import opened
from tratree.stages.tasks import evaluated_tasks

SHOP = ("env=webshop", "env.products=600", "evaluation.episodes=5")


def test_lists_hold_the_tasks_that_runs_are_evaluated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.main([*SHOP, "--out", "one.json"])
    panel.main([*SHOP, "--out", "again.json", "store=another"])
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    environments = json.loads((tmp_path / "one.json").read_text())["environments"]
    listed = environments["webshop"]["splits"]["test"]
    with opened(compose_config(SHOP)) as env:
        tasks = evaluated_tasks(env.tasks("test"), 5)
    assert [(t["id"], t["instruction"]) for t in listed["tasks"]] == [
        (t.task_id, t.instruction) for t in tasks
    ]
    pairs = [[task.task_id, task.instruction] for task in tasks]
    text = json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)
    assert listed["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert listed["sha256"][:16] in capsys.readouterr().out


def test_results_are_compared_on_one_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, reward in (("one", 1.0), ("other", 0.0)):
        outcomes = tuple(Outcome("seen", f"task {n}", reward, reward == 1) for n in range(8))
        write_results(
            tmp_path / f"{name}.json", Results(name, "alfworld", {"seen": "aa"}, {}, outcomes)
        )
    monkeypatch.setenv("COLUMNS", "80")
    panel.main(["one.json", "other.json"])
    said = capsys.readouterr().out
    assert "report in panel.md" in said
    assert max(map(len, said.splitlines())) <= 80
    assert said.split()[:5] == ["environment", "split", "system", "reward", "success"]
    assert "+100.0 [+100.0, +100.0]" in said
    text = (tmp_path / "panel.md").read_text()
    row = "| alfworld | seen | one | other | 8 | success | +100.0 [+100.0, +100.0] | 0.0078 |"
    assert row in text


def test_bad_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"\Acannot read none.json[^\n]*\Z"):
        panel.main(["none.json"])
    small = ("env.train_games=1", "env.held_out_games=1", "evaluation.episodes=1")
    with pytest.raises(UserError, match=r"\Amodel ./nowhere[^\n]*\Z"):
        evaluate.main(["./nowhere", *small])
