"""Points that are kept in a file when their runs are gone."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.evaluation.episodes import episode
from tests.sweeps.test_summary import finished, write_point
from tratree.errors import UserError
from tratree.evaluation.power import over_seeds_and_tasks
from tratree.sweeps.kept_points import (
    KeptPoint,
    join_points,
    keep_points,
    read_points,
    write_points,
)
from tratree.sweeps.points import find_points
from tratree.sweeps.summary import summarize_points
from tratree.trajectory.jsonl import write_trajectories


@pytest.fixture
def kept(tmp_path: Path) -> list[KeptPoint]:
    for method in ("step_dpo", "tree_dpo"):
        for beta in (0.1, 0.5):
            for seed in (0, 1):
                files = finished(method, seed, f"evaluate/{method}-{seed}-{beta}", 0.5 + beta / 10)
                files["results"]["systems"][method]["test"]["task_types"] = {"heat": {"tasks": 3}}
                point = tmp_path / "sweep" / f"{method}{seed}{beta}"
                values = {"method": method, "method.beta": beta, "seed": seed}
                write_point(point, {**values, "store": tmp_path / "store"}, **files)
                start = {"commit": "0123456789", "machine": f"machine {seed}"}
                (point / "starts.jsonl").write_text(json.dumps(start) + "\n")
                timing = point / "s" / f"evaluate/{method}-{seed}-{beta}" / "timing.json"
                timing.parent.mkdir(parents=True)
                timing.write_text('{"seconds": 2.5}')
    return keep_points(find_points([tmp_path / "sweep"]))


def test_the_file_holds_all_that_tables_need(kept: list[KeptPoint], tmp_path: Path) -> None:
    write_points(tmp_path / "points.jsonl", kept)
    text = (tmp_path / "points.jsonl").read_text("utf-8")
    assert "task_types" not in text
    assert str(tmp_path) not in text
    again = read_points(tmp_path / "points.jsonl")
    of_runs = summarize_points(find_points([tmp_path / "sweep"]))
    of_file = summarize_points([one.point for one in again])
    assert of_file.table() == of_runs.table()
    assert of_file.axes == of_runs.axes == ["method.beta"]
    assert [one.seconds for one in again] == [one.seconds for one in kept]
    assert again[0].point.starts == [{"commit": "0123456789", "machine": "machine 0"}]
    assert list(kept[0].seconds.values()) == [2.5]


def test_the_rewards_of_tasks_are_kept_and_give_an_interval_over_seeds_and_tasks(
    tmp_path: Path,
) -> None:
    for seed in (0, 1):
        key = f"evaluate/tree_dpo-{seed}"
        point = tmp_path / "sweep" / f"{seed}"
        files = finished("tree_dpo", seed, key, 0.5)
        write_point(point, {"method": "tree_dpo", "seed": seed}, **files)
        for stage, solved in ((key, 4), (f"evaluate/strong-{seed}", 2 + seed)):
            (point / "s" / stage).mkdir(parents=True)
            (point / "s" / stage / "timing.json").write_text('{"seconds": 2.5}')
            played = [episode(float(n < solved), task=f"game-{n}") for n in reversed(range(6))]
            played = [replace(t, task=replace(t.task, split="test")) for t in played]
            write_trajectories(point / "s" / stage / "episodes.jsonl", played)
        config = yaml.safe_load((point / ".hydra" / "config.yaml").read_text())
        config["env"] = {"name": "alfworld", "splits": {"test": "test"}}
        (point / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    of_runs = summarize_points(find_points([tmp_path / "sweep"]))
    write_points(tmp_path / "points.jsonl", keep_points(find_points([tmp_path / "sweep"])))
    shutil.rmtree(tmp_path / "sweep")
    again = [one.point for one in read_points(tmp_path / "points.jsonl")]
    assert again[0].results is not None
    scores = again[0].results["systems"]["tree_dpo"]["test"]["scores"]
    assert scores["rewards"] == [1, 1, 1, 1, 0, 0]
    of_file = summarize_points(again)
    assert of_file.table() == of_runs.table()
    found = {row.system: row for row in of_file.rows}
    differences = np.array([[0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0]], np.float64)
    expected = over_seeds_and_tasks(differences)
    assert found["tree_dpo"].both_seeds == 2
    assert (found["tree_dpo"].both_low, found["tree_dpo"].both_high) == (
        *(expected.low, expected.high),
    )
    assert found["sft_strong"].both_seeds == 0


def test_a_point_that_was_measured_again_is_kept_as_a_replication(kept: list[KeptPoint]) -> None:
    without_runs = [KeptPoint(one.point, {}) for one in kept]
    assert join_points(kept, without_runs) == kept
    changed = copy.deepcopy(kept[0].point.results)
    assert changed is not None
    changed["systems"]["step_dpo"]["test"]["reward"]["mean"] = 0.9
    later = {"time": "2026-12-01", "commit": "9876543210", "machine": "another"}
    reworded = dict(reversed(kept[0].point.overrides.items())) | {"rollout.workers": "1"}
    newest = replace(kept[0].point, results=changed, starts=[later], overrides=reworded)
    joined = join_points([KeptPoint(newest, {}), *kept], [KeptPoint(newest, {})])
    assert len(joined) == len(kept) + 1
    assert joined[-1].point == newest
    summary = summarize_points([one.point for one in joined])
    row = next(r for r in summary.rows if (r.system, r.values) == ("step_dpo", (0.1,)))
    assert row.seeds == 2
    assert row.reward == pytest.approx((0.9 + 0.51) / 2)
    assert [again[-1] for again in summary.replications()[1:]] == ["+39.0"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    assert read_points(tmp_path / "points.jsonl") == []
    (tmp_path / "points.jsonl").write_text('{"name": "cut off')
    with pytest.raises(UserError, match=r"points\.jsonl is damaged"):
        read_points(tmp_path / "points.jsonl")
