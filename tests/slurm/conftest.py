"""The private cluster of ``slurm/private_cluster``, up as long as these tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.slurm.cluster import SCRIPT, Cluster

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"SLURM is not installed ({', '.join(missing)}): run '{SCRIPT.name} install'")
    if os.geteuid() != 0:
        pytest.skip("only root can start the private cluster")
    folder = tmp_path_factory.mktemp("cluster")
    running = Cluster(folder)
    running.script("up")
    try:
        yield running
    finally:
        running.script("down")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(folder) not in listed.stdout, "the cluster left a program behind"
