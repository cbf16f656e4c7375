"""Places and number of runs: once, in one process, from the folder of its command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.commands import train
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


def test_a_sweep_of_several_tasks_a_point_is_refused_before_any_is_sent(tmp_path: Path) -> None:
    done = train(
        *("-m", "hydra/launcher=submitit_local", "hydra.launcher.tasks_per_node=2", "seed=1,2"),
        f"hydra.sweep.dir={tmp_path}/sweep",
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: hydra.launcher.tasks_per_node=2 would run every point")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["trainer=ddp"], "trainer.devices=2 GPUs are wanted, and torch finds"),
        (["trainer.num_nodes=2", "trainer.strategy=ddp"], "needs a SLURM job over as many nodes"),
        (["model.weak.name=/nowhere"], "model.weak.name: model /nowhere: /nowhere holds no config"),
        (["rollout.servers.weak=http://a"], "no setting rollout.servers.weak: did you mean"),
    ],
)
def test_what_is_refused_before_anything_is_computed_leaves_nothing_behind(
    tmp_path: Path, overrides: list[str], said: str
) -> None:
    if torch.cuda.device_count() > 1:
        pytest.skip("this machine has the GPUs")
    done = train("debug=smoke", f"store={tmp_path}/store", *overrides, folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


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
    assert "store=mystore can't be written (Not a directory)" in done.stderr
