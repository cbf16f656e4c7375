"""Files of results: checked, compared in pairs, told on one page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tratree.errors import UserError
from tratree.evaluation.intervals import paired_p_value
from tratree.panel.report import differing, page, paired_tests, table
from tratree.panel.results import FORMAT, Outcome, Results, read_results, write_results


def results(name: str, rewards: list[float], **fields) -> Results:
    outcomes = tuple(
        Outcome("seen", f"task {n}", reward, reward == 1, n) for n, reward in enumerate(rewards)
    )
    return replace(Results(name, "alfworld", {"seen": "aa"}, {}, outcomes), **fields)


def test_files_are_read_as_written(tmp_path: Path) -> None:
    one = results("one", [0.0, 1.0], protocol={"seed": 0})
    write_results(tmp_path / "one.json", one)
    assert read_results(tmp_path / "one.json") == one


def test_a_file_of_others_needs_little(tmp_path: Path) -> None:
    episode = {"split": "seen", "task_id": "task 0", "reward": 1, "success": True}
    data = {
        "format": FORMAT,
        "name": "theirs",
        "environment": "alfworld",
        "hashes": {"seen": "aa"},
        "episodes": [episode],
    }
    (tmp_path / "theirs.json").write_text(json.dumps(data), encoding="utf-8-sig")
    read = read_results(tmp_path / "theirs.json")
    assert read.outcomes == (Outcome("seen", "task 0", 1.0, True),)
    row = table([read])[1]
    assert row[2:4] == ["theirs", "1"]
    assert row[4:] == ["100.0 [100.0, 100.0]", "100.0 [20.7, 100.0]", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "format: Input should be"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"episodes": {}}, "episodes: Input should be a valid list"),
        ({"hashes": {}}, "no hash"),
        ({"protocol": 3}, "protocol: Input should be a valid dict"),
        ({"episodes": [3]}, r"episodes\.0: Input should be a valid dict"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "one.json"
    write_results(path, results("one", [1.0]))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=rf"\A[^\n]*{message}[^\n]*\Z"):
        read_results(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": 50}, r"episodes\.0\.reward: Input should be less than or equal to 1"),
        ({"reward": None}, r"episodes\.0\.reward: Input should be a valid number"),
        ({"reward": True}, r"episodes\.0\.reward: Input should be a valid number"),
        ({"reward": float("nan")}, "NaN is no number"),
        ({"success": 1}, r"episodes\.0\.success: Input should be a valid boolean"),
        ({"steps": -1}, r"episodes\.0\.steps: Input should be greater than or equal to 0"),
        ({"task_id": 3}, r"episodes\.0\.task_id: Input should be a valid string"),
        ({"task_id": "task 1"}, "has 2 episodes of seen, task 1"),
    ],
)
def test_a_wrong_episode_is_named(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "one.json"
    write_results(path, results("one", [1.0, 0.5]))
    data = json.loads(path.read_text())
    data["episodes"][0] |= change
    path.write_text(json.dumps(data))
    with pytest.raises(UserError, match=rf"\A[^\n]*{message}[^\n]*\Z"):
        read_results(path)


def test_any_two_are_tested_task_by_task() -> None:
    import numpy as np

    one = results("one", [1.0, 1.0, 1.0, 0.5, 1.0, 1.0])
    other = results("other", [0.0, 0.0, 0.5, 0.5, 0.0, 0.5])
    third = results("third", [0.0] * 6)
    shuffled = replace(other, outcomes=other.outcomes[::-1])
    _, *rows = paired_tests([one, shuffled, third])
    assert len(rows) == 6
    (row,) = [r for r in rows if r[2:4] == ["one", "other"] and r[5] == "reward"]
    assert row[4] == "6"
    assert row[6].startswith("+66.7 [")
    differences = np.array([1.0, 1.0, 0.5, 0.0, 1.0, 0.5])
    assert row[7] == f"{paired_p_value(differences):.4f}"


def test_other_tasks_are_not_compared_and_other_protocols_are_told() -> None:
    one, other = results("one", [1.0]), results("other", [0.0], hashes={"seen": "bb"})
    third = results("third", [0.0], protocol={"seed": 1})
    assert len(paired_tests([one, other])) == 1
    assert differing([one, other, third]) == [
        "one and other (alfworld): other tasks in split seen, not compared",
        "one and third (alfworld): the protocols differ in seed",
        "other and third (alfworld): other tasks in split seen, not compared",
        "other and third (alfworld): the protocols differ in seed",
    ]
    text = page([one, other, third])
    assert "| alfworld | seen | one | third | 1 | reward | +100.0" in text
    assert "- one and other (alfworld): other tasks" in text


def test_equal_hashes_need_equal_tasks_and_other_names() -> None:
    with pytest.raises(UserError, match="same hash of split seen but episodes of different tasks"):
        paired_tests([results("one", [1.0]), results("other", [1.0, 0.0])])
    with pytest.raises(UserError, match="called one: rename one"):
        paired_tests([results("one", [1.0]), results("one", [1.0])])
