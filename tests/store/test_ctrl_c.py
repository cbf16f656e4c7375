"""Ctrl-C in the real command: one line, and the same command resumes from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, name: str, workers: int) -> subprocess.Popen[str]:
    """Start a small run in a process group of its own, as a terminal does."""
    arguments = ["debug=smoke", f"rollout.workers={workers}"]
    arguments += ["model.weak.sft.epochs=60", "explore.trajectories=12"]  # to be caught at work
    where = [f"store={folder}/store", f"hydra.run.dir={folder}/{name}"]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments, *where],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], folder: Path, pattern: str) -> None:
    while process.poll() is None and not list(folder.glob(pattern)):
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be interrupted"


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_loses_no_finished_episode(tmp_path: Path) -> None:
    for moment in ("sft/*.partial/last.ckpt", "explore/*.partial/episodes.log.jsonl"):
        process = start(tmp_path, "interrupted", workers=2)
        wait_for(process, tmp_path / "store", moment)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 130, errors
        assert errors.splitlines()[-1] == "stopped; run the same command again to resume"
        assert "Traceback" not in errors
    log = next((tmp_path / "store" / "explore").glob("*.partial/episodes.log.jsonl"))
    kept = log.read_bytes().splitlines()
    assert kept
    process = start(tmp_path, "resumed", workers=1)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    episodes = next((tmp_path / "store" / "explore").glob("*/episodes.jsonl"))
    assert set(kept) <= set(episodes.read_bytes().splitlines())
    assert (tmp_path / "resumed" / "results.json").exists()
