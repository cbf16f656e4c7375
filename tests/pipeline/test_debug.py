"""``debug=profile``: where the time of the fine-tunings goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "train.py"), *arguments, "store=store"]
    return subprocess.run(
        [*command, "hydra.run.dir=run"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_profile_of_each_fine_tuning(tmp_path: Path) -> None:
    done = train("debug=profile", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    profiles = {path.name: path.read_text() for path in (tmp_path / "run" / "profile").iterdir()}
    assert set(profiles) == {"fit-sft-weak.txt", "fit-sft-strong.txt", "fit-imitate.txt"}
    assert all("run_training_batch" in profile for profile in profiles.values())
