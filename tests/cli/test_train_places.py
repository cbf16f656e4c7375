"""Places and number of runs: once, in one process, from the folder of its command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs.stored_run import TINY
from tratree.cli.train import _refuse_several_tasks
from tratree.errors import UserError

TRAIN = Path(__file__).parents[2] / "train.py"


@pytest.mark.parametrize("name", ["SUBMITIT_LOCAL_NTASKS", "SLURM_STEP_NUM_TASKS"])
def test_a_point_that_several_tasks_run_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    monkeypatch.setenv(name, "1")
    _refuse_several_tasks()
    monkeypatch.setenv(name, "2")
    with pytest.raises(UserError, match=r"set hydra\.launcher\.tasks_per_node=1"):
        _refuse_several_tasks()
    monkeypatch.delenv("SUBMITIT_EXECUTOR")
    _refuse_several_tasks()  # a job of the user's own


def test_with_chdir_paths_are_relative_to_the_folder_of_the_command(tmp_path: Path) -> None:
    from tratree.models.names import local_folder

    packaged = local_folder(TINY)
    assert packaged is not None
    (tmp_path / "base").symlink_to(packaged)
    (tmp_path / "mystore").write_text("in the way", encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, TRAIN, "debug=smoke", "method=sft_weak", "store=mystore"),
            *("model.weak.name=./base", "hydra.job.chdir=true", "hydra.run.dir=runs/one"),
        ],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    # The store was looked for where the command was given.
    assert done.returncode == 1
    assert "store=mystore can't be written (File exists)" in done.stderr
