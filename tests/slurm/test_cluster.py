"""The cluster itself: its nodes and its fake GPUs."""

from __future__ import annotations

import subprocess

import pytest

from tests.slurm.cluster import SCRIPT, Cluster

pytestmark = [pytest.mark.slurm]


def test_a_job_runs_on_each_node(cluster: Cluster) -> None:
    nodes = cluster.run("srun", "--nodes=2", "--ntasks=2", "printenv", "SLURMD_NODENAME")
    assert set(nodes.split()) == {"n1", "n2"}


def test_a_job_gets_the_gpus_it_asks_for(cluster: Cluster) -> None:
    script = "echo ${CUDA_VISIBLE_DEVICES:-none}"
    assert cluster.run("srun", "--gres=gpu:2", "sh", "-c", script).strip() == "0,1"
    assert cluster.run("srun", "sh", "-c", script).strip() == "none"


def test_up_leaves_what_runs_alone(cluster: Cluster) -> None:
    pids = {path.name: path.read_text() for path in (cluster.folder / "run").glob("*.pid")}
    cluster.script("up")
    assert len(pids) >= 5
    assert {p.name: p.read_text() for p in (cluster.folder / "run").glob("*.pid")} == pids


def test_an_unknown_command_shows_the_known_ones() -> None:
    done = subprocess.run([str(SCRIPT), "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cluster.sh up" in done.stderr
