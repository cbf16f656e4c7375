"""Progress of a sweep, read from run folders, store and locks on the disk."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from tratree.cli.planned import planned_points, planned_runs, planned_stages
from tratree.cli.progress import main
from tratree.composition import compose_config
from tratree.errors import UserError

TASK = ["debug=smoke", "store=store", "seed=0,1,2,3"]
FINISHED = "store/sft/weak"


def write_sweep(folder: Path, *, sweeper: str = "BasicSweeper", task: list[str] = TASK) -> Path:
    """Write what Hydra leaves of a sweep that has just begun."""
    hydra = {
        "sweeper": {
            "_target_": f"a.module.{sweeper}",
            "params": {"method": "mcts"},
            "n_trials": 3,
        },
        "overrides": {"task": task},
        "runtime": {"cwd": str(folder)},
    }
    sweep = folder / "sweep"
    sweep.mkdir(parents=True)
    (sweep / "multirun.yaml").write_text(yaml.safe_dump({"hydra": hydra}))
    return sweep


def begin(sweep: Path, seed: int, stages: dict[str, str], **files: dict) -> None:
    """Write what a point leaves once it has begun."""
    point = sweep / str(seed)
    (point / ".hydra").mkdir(parents=True)
    task = ["method=mcts", "debug=smoke", "store=store", f"seed={seed}"]
    (point / ".hydra/hydra.yaml").write_text(
        yaml.safe_dump({"hydra": {"overrides": {"task": task}}})
    )
    composed = asdict(compose_config(task))
    (point / ".hydra/config.yaml").write_text(yaml.safe_dump(composed))
    for name, document in {"stages": {"store": "../../store", "stages": stages}, **files}.items():
        (point / f"{name}.json").write_text(json.dumps(document))


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A done point, a failed one, one that has begun, and one that waits."""
    sweep = write_sweep(tmp_path)
    for seed, place in enumerate(("sft/weak", "sft/failed", "sft/begun")):
        files = {0: {"results": {}}, 1: {"failure": {"overrides": "", "reason": "why"}}}
        stages = {"sft weak": place, "imitate": f"imitate/{seed}"} if seed else {"sft weak": place}
        begin(sweep, seed, stages, **files.get(seed, {}))
    (tmp_path / FINISHED).mkdir(parents=True)
    (tmp_path / FINISHED / "timing.json").write_text('{"seconds": 90.0}')
    return sweep


def said(sweep: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints, with single spaces."""
    main([str(sweep)])
    return " ".join(capsys.readouterr().out.split())


def test_points_stages_and_time_left(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(sweep, capsys)
    assert "points: 1 waiting, 0 running, 1 interrupted, 1 done, 1 failed" in told
    # Of the begun point and of the one that waits; what the failed one lacks is not on its way.
    assert "sft weak 1 0 2 90.0" in told
    assert "imitate 0 0 2 " in told
    assert "left: about 3 min of work and an unknown time for " in told
    assert "2 × imitate" in told
    assert "1 × evaluate mcts" in told


def test_a_point_runs_while_a_stage_of_it_is_computed(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FileLock(sweep.parent / "store/sft/begun.lock"):
        told = said(sweep, capsys)
    assert "1 waiting, 1 running, 0 interrupted" in told
    assert "sft weak 1 1 1 90.0" in told
    told = said(sweep, capsys)
    assert "0 running, 1 interrupted" in told


def test_the_end(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(sweep, 3, {"sft weak": "sft/weak"}, results={})
    (sweep / "2/results.json").write_text("{}")
    main([str(sweep), "--watch"])
    told = capsys.readouterr().out
    assert "0 waiting, 0 running, 0 interrupted, 3 done, 1 failed" in told
    assert "left: nothing, but 1 point failed: run the same command again" in " ".join(told.split())


def test_a_point_that_was_asked_for_twice_counts_once(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sweep / "0", sweep / "again")
    reworded = ["seed=3,0", "rollout.workers=1", "store=store", "debug=smoke"]
    write_sweep(sweep / "other", task=reworded)
    told = said(sweep, capsys)
    assert "points: 1 waiting, 0 running, 1 interrupted, 1 done, 1 failed" in told


def test_planned_points_are_those_that_hydra_runs(tmp_path: Path) -> None:
    plan = write_sweep(tmp_path) / "multirun.yaml"
    assert planned_points(plan) == [
        ("method=mcts", "debug=smoke", "store=store", f"seed={seed}") for seed in range(4)
    ]
    other = write_sweep(tmp_path / "other", sweeper="OptunaSweeper") / "multirun.yaml"
    assert planned_points(other) is None


def test_trials_of_a_search_that_are_still_to_be_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = write_sweep(tmp_path, sweeper="TuningSweeper", task=["debug=smoke", "seed=0,1"])
    told = said(sweep, capsys)
    assert "points: 6 waiting, 0 running" in told
    assert "left: 6 trials still to be proposed" in told
    begin(sweep, 0, {"sft weak": "sft/weak"}, results={})
    begin(sweep, 1, {"imitate": "imitate/1"})
    told = said(sweep, capsys)
    assert "points: 4 waiting, 0 running, 1 interrupted, 1 done" in told
    assert "of which none has finished yet, besides 4 trials still" in told
    assert planned_runs(write_sweep(tmp_path / "other") / "multirun.yaml") is None


def test_stages_of_a_point_that_waits(tmp_path: Path) -> None:
    point = ("method=tree_dpo", "store=store", "debug=smoke")
    stages = planned_stages(point, tmp_path)
    assert {"sft weak", "prefer", "evaluate tree_dpo"} <= set(stages.values())
    assert {folder.parents[1] for folder in stages} == {tmp_path / "store"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "--help"), (["nowhere"], "there is no folder nowhere"), (["."], "there is no sweep in")],
)
def test_wrong_arguments(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        main(arguments)


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (sweep / "multirun.yaml").write_text("hydra: {}")
    with pytest.raises(UserError, match=r"multirun\.yaml is damaged"):
        main([str(sweep)])
