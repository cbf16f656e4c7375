"""The cluster itself: its nodes and its fake GPUs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.slurm.cluster import SCRIPT, Cluster, wait_until

pytestmark = [pytest.mark.slurm]


def test_a_job_runs_on_each_node(cluster: Cluster) -> None:
    nodes = cluster.run("srun", "--nodes=2", "--ntasks=2", "printenv", "SLURMD_NODENAME")
    assert set(nodes.split()) == {"n1", "n2"}


def test_a_job_gets_the_gpus_it_asks_for(cluster: Cluster) -> None:
    script = "echo ${CUDA_VISIBLE_DEVICES:-none}"
    assert cluster.run("srun", "--gres=gpu:2", "sh", "-c", script).strip() == "0,1"
    assert cluster.run("srun", "sh", "-c", script).strip() == "none"


def test_a_requeued_job_is_not_taken_for_its_first_start(cluster: Cluster, tmp_path: Path) -> None:
    script = '[ "$SLURM_RESTART_COUNT" = 4 ] || scontrol requeue $SLURM_JOB_ID'
    options = ("--parsable", f"--output={tmp_path}/%j", "--wrap")
    jobs = [cluster.run("sbatch", *options, script).strip() for _ in range(6)]
    wait_until(lambda: not {cluster.states()[job] for job in jobs} - {"COMPLETED", "FAILED"})
    assert [cluster.states()[job] for job in jobs] == ["COMPLETED"] * 6


def test_up_leaves_what_runs_alone(cluster: Cluster) -> None:
    pids = {path.name: path.read_text() for path in (cluster.folder / "run").glob("*.pid")}
    cluster.script("up")
    assert len(pids) >= 5
    assert {p.name: p.read_text() for p in (cluster.folder / "run").glob("*.pid")} == pids


def test_an_unknown_command_shows_the_known_ones() -> None:
    done = subprocess.run([str(SCRIPT), "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cluster.sh up" in done.stderr
