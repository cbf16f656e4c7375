"""SLURM's states that mean that a job is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from submitit import SlurmJob

from hydra_plugins.tratree_slurm_launcher.launcher import is_over


@pytest.mark.parametrize(
    ("state", "over"),
    [
        *((state, False) for state in ("PENDING", "RUNNING", "COMPLETING", "PREEMPTED")),
        *((state, False) for state in ("CONFIGURING", "SIGNALING", "SUSPENDED")),
        *((state, True) for state in ("COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY")),
        ("CANCELLED by 0", True),
    ],
)
def test_a_job_is_over_in_its_last_states_only(state: str, over: bool, tmp_path: Path) -> None:
    job: SlurmJob[None] = SlurmJob(tmp_path, "1")
    job.watcher._info_dict["1"] = {"State": state}
    assert is_over(job) == over
