"""Points that are kept in a file when their runs are gone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.test_sweep import finished, write_point
from tratree.errors import UserError
from tratree.report.sweep import find_points
from tratree.report.sweep_page import summarize_points
from tratree.runs.kept_points import (
    KeptPoint,
    join_points,
    keep_points,
    read_points,
    write_points,
)


@pytest.fixture
def kept(tmp_path: Path) -> list[KeptPoint]:
    for method in ("mcts", "tree_dpo"):
        for beta in (0.1, 0.5):
            for seed in (0, 1):
                files = finished(method, seed, f"evaluate/{method}-{seed}-{beta}", 0.5 + beta / 10)
                files["results"]["systems"][method]["test"]["task_types"] = {"heat": {"tasks": 3}}
                point = tmp_path / "sweep" / f"{method}{seed}{beta}"
                write_point(point, {"method": method, "method.beta": beta, "seed": seed}, **files)
                start = {"commit": "0123456789", "machine": f"machine {seed}"}
                (point / "starts.jsonl").write_text(json.dumps(start) + "\n")
                timing = point / "s" / f"evaluate/{method}-{seed}-{beta}" / "timing.json"
                timing.parent.mkdir(parents=True)
                timing.write_text('{"seconds": 2.5}')
    return keep_points(find_points([tmp_path / "sweep"]))


def test_the_file_holds_all_that_tables_need(kept: list[KeptPoint], tmp_path: Path) -> None:
    write_points(tmp_path / "points.jsonl", kept)
    assert "task_types" not in (tmp_path / "points.jsonl").read_text("utf-8")
    again = read_points(tmp_path / "points.jsonl")
    of_runs = summarize_points(find_points([tmp_path / "sweep"]))
    of_file = summarize_points([one.point for one in again])
    assert of_file.table() == of_runs.table()
    assert of_file.axes == of_runs.axes == ["method.beta"]
    assert [one.seconds for one in again] == [one.seconds for one in kept]
    assert again[0].starts == kept[0].starts == [{"commit": "0123456789", "machine": "machine 0"}]
    assert list(kept[0].seconds.values()) == [2.5]


def test_a_point_is_there_once_with_its_newest_results(kept: list[KeptPoint]) -> None:
    elsewhere = [KeptPoint(one.point, [], {}) for one in kept]
    assert join_points(kept, elsewhere) == kept
    changed = KeptPoint(replace(kept[0].point, results={}), [], {})
    joined = join_points(kept, [changed])
    assert len(joined) == len(kept)
    assert joined[0] is changed


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    assert read_points(tmp_path / "points.jsonl") == []
    (tmp_path / "points.jsonl").write_text('{"name": "cut off')
    with pytest.raises(UserError, match=r"points\.jsonl is damaged"):
        read_points(tmp_path / "points.jsonl")
