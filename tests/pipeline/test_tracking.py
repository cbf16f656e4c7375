"""Trackers: what they keep of a real run, and what happens without a key or a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def train(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments, "debug=smoke", "store=store"],
        cwd=folder,
        env={**clean, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def records(run: Path) -> list[dict[str, Any]]:
    """Read a run back with W&B's own program."""
    [log] = (run / "wandb").glob("offline-run-*/*.wandb")
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_every_logger_keeps_a_run(tmp_path: Path) -> None:
    for name, extra in (
        ("wandb", ("logger.offline=true", "logger.tags=[tried]", "logger.group=mine")),
        # Another number of epochs, so that there is something to train.
        ("csv", ("model.imitation.epochs=2",)),
        ("tensorboard", ("model.imitation.epochs=3",)),
    ):
        run = f"hydra.run.dir={name}"
        done = train(f"logger={name}", run, *extra, folder=tmp_path, SECRET_TOKEN="do-not-log-me")
        assert done.returncode == 0, done.stderr

    curves = (tmp_path / "csv" / "csv" / "imitate" / "metrics.csv").read_text()
    assert "loss" in curves.splitlines()[0]
    assert list((tmp_path / "tensorboard" / "tensorboard" / "imitate").glob("events.*"))

    kept = records(tmp_path / "wandb")
    run = next(record["run"] for record in kept if record["type"] == "run")
    assert run["run_id"] == (tmp_path / "wandb" / "wandb_run_id").read_text().strip()
    assert (run["project"], run["run_group"], run["job_type"]) == ("tratree", "mine", "mcts")
    assert set(run["tags"]) == {"alfworld", "mcts", "tiny", "seed 0", "tried"}
    assert run["config"]["update"]["method"]["beta"] == 0.1
    assert "do-not-log-me" not in json.dumps(kept)

    history = [record["history"]["item"] for record in kept if record["type"] == "history"]
    for curve in ("sft_weak/loss", "sft_strong/loss", "imitate/loss"):
        steps = [item["trainer/global_step"] for item in history if curve in item]
        assert steps == list(range(1, len(steps) + 1))
        assert steps
    logged = {key.split(".")[0] for item in history for key in item}
    assert {"results", "trajectories", "trees", "tree viewer"} <= logged
    media = next((tmp_path / "wandb" / "wandb").glob("offline-run-*/files/media"))
    assert {path.suffix for path in media.rglob("*") if path.is_file()} >= {".html", ".json"}

    artifacts = {r["artifact"]["name"]: r["artifact"] for r in kept if r["type"] == "artifact"}
    kinds = {name.split("-")[0]: a["type"] for name, a in artifacts.items()}
    assert kinds["trees"] == "trees"
    assert {kinds[stage] for stage in ("sft_weak", "sft_strong", "imitate")} == {"adapter"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "finds no key: run `wandb login`"),
        ({"WANDB_API_KEY": "0" * 40}, "cannot reach http://127.0.0.1:9"),
    ],
)
def test_without_a_key_or_a_network_it_says_what_to_do(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = train(
        "logger=wandb", folder=tmp_path, WANDB_BASE_URL="http://127.0.0.1:9", **environment
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert said in last
    assert "logger.offline=true" in last
    assert not (tmp_path / "store").exists()
