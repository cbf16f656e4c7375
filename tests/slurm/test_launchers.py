"""Sweeps on SLURM: points that share a store, that fail, and that are cancelled."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from submitit.core.utils import DelayedSubmission

from tests.slurm.cluster import Cluster, wait_until
from tratree.cli.summarize import main as summarize
from tratree.models.names import local_folder
from tratree.report.run_files import FAILURE

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def test_points_share_the_store_and_a_failure_is_seen(cluster: Cluster, tmp_path: Path) -> None:
    before = set(cluster.states())
    sweep = cluster.sweep(
        "slurm", "tree.width=2,3", "model.max_new_tokens=24,1015", folder=tmp_path
    )
    said, _ = sweep.communicate()
    assert sweep.returncode == 1, said

    # SLURM knows which jobs failed, and their logs say why.
    states = {job: state for job, state in cluster.ended().items() if job not in before}
    assert sorted(states.values()) == ["COMPLETED", "COMPLETED", "FAILED", "FAILED"]
    for job, state in states.items():
        [log] = (tmp_path / "sweep" / ".submitit").rglob(f"{job}_0_log.err")
        assert ("Traceback" in log.read_text()) == (state == "FAILED")

    # The submitting command lists every failure and ends with one line.
    failed = [line for line in said.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2
    assert all("model.max_new_tokens=1015" in line and "needs" in line for line in failed)
    assert said.splitlines()[-1].startswith("error: 2 of the points")

    # What both points need was computed once.
    logs = "".join(path.read_text() for path in (tmp_path / "sweep").rglob("*_log.err"))
    for stage in ("sft weak", "sft strong", "explore"):
        assert logs.count(f"+ {stage}: done") == 1
    assert logs.count("+ imitate: done") == 2

    # The summary has the points that are there and names the others.
    summarize([str(tmp_path / "sweep")])
    summary = (tmp_path / "sweep" / "summary" / "sweep.md").read_text()
    assert "4 points: 2 done, 2 failed, 0 unfinished" in summary
    assert "1015" in summary

    # The stock launcher finds all of it in the store.
    stock = cluster.sweep(
        "submitit_slurm", "tree.width=2", "hydra.sweep.subdir=stock", folder=tmp_path
    )
    said, _ = stock.communicate()
    assert stock.returncode == 0, said
    ours, stocks = (
        json.loads((tmp_path / "sweep" / name / "results.json").read_text())
        for name in ("0", "stock")
    )
    assert ours == stocks


def test_a_point_is_not_ended_by_a_signal_at_its_start_but_by_being_cancelled(
    cluster: Cluster, tmp_path: Path
) -> None:
    logs = tmp_path / "sweep" / ".submitit"
    before = set(cluster.states())
    sweep = cluster.sweep("slurm", "seed=0", folder=tmp_path)
    wait_until(lambda: bool(set(cluster.states()) - before), sweep)
    [job] = set(cluster.states()) - before

    def at_work() -> bool:
        return any("> games" in log.read_text() for log in logs.rglob("*.err"))

    wait_until(lambda: cluster.ignores(job, signal.SIGUSR2) or at_work(), sweep)
    cluster.run("scancel", "--signal=USR2", job)
    wait_until(at_work, sweep)
    cluster.run("scancel", job)
    said, _ = sweep.communicate()
    assert sweep.returncode == 1
    assert "CANCELLED" in said
    assert said.splitlines()[-1].startswith("error: 1 of the points")


def test_without_waiting_the_command_ends_once_all_is_submitted(
    cluster: Cluster, tmp_path: Path
) -> None:
    before = set(cluster.states())
    experiment = tmp_path / "files" / "experiment" / "mine.yaml"
    experiment.parent.mkdir(parents=True)
    weak = local_folder("package:models/tiny/weak")
    assert weak is not None
    submitted_model = shutil.copytree(weak, tmp_path / "submitted")
    experiment.write_text(f"# @package _global_\nmodel: {{weak: {{name: {submitted_model}}}}}\n")
    limits = {"timeout_min": 7, "array_parallelism": 1, "max_num_timeout": 3, "wait": "false"}
    settings = [f"hydra.launcher.{name}={value}" for name, value in limits.items()]
    settings += [f"hydra.searchpath=[file://{experiment.parents[1]}]", "experiment=mine"]
    try:
        cluster.run("scontrol", "update", "PartitionName=main", "State=DOWN")
        sweep = cluster.sweep("slurm", "seed=0,1", *settings, folder=tmp_path)
        said, _ = sweep.communicate()
        assert sweep.returncode == 0, said
        assert "tratree progress" in said
        jobs = {job: state for job, state in cluster.states().items() if job not in before}
        assert list(jobs.values()) == ["PENDING"] * 2

        # SLURM and Submitit know the limits.
        shown = cluster.run("scontrol", "show", "job", max(jobs))
        for limit in ("TimeLimit=00:07:00", "ArrayTaskThrottle=1", "Requeue=1"):
            assert limit in shown
        submitted = (tmp_path / "sweep" / ".submitit").rglob("*_submitted.pkl")
        countdowns = [DelayedSubmission.load(path)._timeout_countdown for path in submitted]
        assert countdowns == [3, 3]

        # The jobs run what was submitted, not what the files say by now.
        experiment.write_text(experiment.read_text().replace("submitted", "later"))
        shutil.rmtree(submitted_model)
    finally:
        cluster.run("scontrol", "update", "PartitionName=main", "State=UP")
    cluster.run("srun", f"--dependency=afterany:{':'.join(jobs)}", "true")
    for name in ("0", "1"):
        reason = (tmp_path / "sweep" / name / FAILURE).read_text()
        assert f"{submitted_model} holds no config.json" in reason
