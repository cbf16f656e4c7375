"""``debug=overfit`` and ``debug=profile``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests import commands
from tratree.stages.file_names import REPORT


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return commands.train(*arguments, "store=store", "hydra.run.dir=run", folder=folder)


@pytest.mark.slow
def test_every_fine_tuning_can_learn_its_samples_by_heart(tmp_path: Path) -> None:
    done = train("debug=overfit", "model.imitation.epochs=50", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    losses = {
        path.parts[-3]: json.loads(path.read_text())["loss"]
        for path in (tmp_path / "store").glob(f"*/*/{REPORT}")
    }
    assert losses.keys() == {"sft", "imitate"}
    assert max(losses.values()) < 0.05


@pytest.mark.slow
def test_a_profile_of_each_fine_tuning(tmp_path: Path) -> None:
    done = train("debug=profile", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    profiles = {path.name: path.read_text() for path in (tmp_path / "run" / "profile").iterdir()}
    assert set(profiles) == {"fit-sft-weak.txt", "fit-sft-strong.txt", "fit-imitate.txt"}
    assert all("run_training_batch" in profile for profile in profiles.values())
