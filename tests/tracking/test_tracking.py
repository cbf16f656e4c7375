"""Trackers: what they keep of a real run, and what happens without a key or a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.tracking.dashboards import alfworld_dashboard, configuration_keys, keys_of
from tratree.composition import compose_config
from tratree.runs.identity import point_identity
from tratree.settings import plain
from tratree.tracking.wandb_tracker import run_id


def train(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return commands.train(
        *(*arguments, "debug=smoke", "store=store"),
        folder=folder,
        environment={**clean, "HOME": str(folder), **environment},
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


def final_configuration(kept: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the configuration of a run as it was at its end."""
    updates = [
        r[r["type"]].get("config", r[r["type"]]) for r in kept if r["type"] in ("run", "config")
    ]
    return {key: value for update in updates for key, value in update["update"].items()}


def logged_keys(kept: list[dict[str, Any]]) -> set[str]:
    """Return every key of the history and the summary; of tables and media, their name."""
    items = [record["history"]["item"] for record in kept if record["type"] == "history"]
    items += [record["summary"]["update"] for record in kept if record["type"] == "summary"]
    return {key.split(".")[0] for item in items for key in item}


def stage_artifacts(kept: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the artifacts of stages by name; tables are artifacts of the run."""
    found = [record["artifact"] for record in kept if record["type"] == "artifact"]
    return {a["name"]: a for a in found if not a["name"].startswith("run-")}


@pytest.mark.slow
def test_every_logger_keeps_a_run(tmp_path: Path) -> None:
    for name, extra in (
        ("wandb", ("logger.offline=true", "logger.tags=[tried]", "logger.group=mine")),
        ("again", ("logger.offline=true", "method=tree_dpo")),  # finds the trees in the store
        # Another number of epochs, so that there is something to train.
        ("csv", ("model.imitation.epochs=2",)),
        ("tensorboard", ("model.imitation.epochs=3",)),
    ):
        run = f"hydra.run.dir={name}"
        logger = "wandb" if name == "again" else name
        done = train(f"logger={logger}", run, *extra, folder=tmp_path, SECRET_TOKEN="do-not-log-me")
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
    assert {"results", "trajectories", "trees", "tree viewer", "report"} <= logged_keys(kept)
    media = next((tmp_path / "wandb" / "wandb").glob("offline-run-*/files/media"))
    assert {path.suffix for path in media.rglob("*") if path.is_file()} >= {".html", ".json"}

    artifacts = stage_artifacts(kept)
    kinds = {name.split("-")[0]: a["type"] for name, a in artifacts.items()}
    assert kinds["trees"] == "trees"
    assert {kinds[stage] for stage in ("sft_weak", "sft_strong", "imitate")} == {"adapter"}
    metadata = {name.split("-")[0]: json.loads(a["metadata"]) for name, a in artifacts.items()}
    names = {name.split("-")[0]: name for name in artifacts}
    assert metadata["sft_weak"]["made_from"] == []
    assert metadata["trees"]["made_from"] == [names["sft_weak"]]
    assert set(metadata["imitate"]["made_from"]) == {names["trees"], names["sft_strong"]}

    again = records(tmp_path / "again")
    assert [name.split("-")[0] for name in stage_artifacts(again)] == ["prefer"]
    assert set(final_configuration(again)["inputs"]) == {
        names[stage] for stage in ("sft_weak", "sft_strong", "trees")
    }
    # A fine-tuning that the store held has its curves, too.
    history = [record["history"]["item"] for record in again if record["type"] == "history"]
    assert [item["sft_weak/loss"] for item in history if "sft_weak/loss" in item]
    assert {"results/mcts/unseen/reward", "tests/mcts/unseen/reward_p"} <= logged_keys(kept)
    assert {"forest/trees", "forest/divergence_points"} <= logged_keys(kept)
    for method, of_method, elsewhere in (
        ("mcts", kept, ("prefer/",)),
        ("tree_dpo", again, ("imitate/",)),
    ):
        dashboard = alfworld_dashboard(method)
        named = {key for key in keys_of(dashboard) if not key.startswith(elsewhere)}
        # The share of the gap is not logged where there is no gap, as there may be none so small.
        missing = named - logged_keys(of_method)
        assert {key.split("/")[-1] for key in missing} <= {"pgr"}
        configuration = final_configuration(of_method)
        for key in configuration_keys(dashboard):
            group, name = key.split(".")
            assert name in configuration[group]


def test_the_same_point_in_other_words_is_the_same_run(tmp_path: Path) -> None:
    ids = []
    for number, overrides in enumerate(
        (["seed=1", "method=mcts"], ["method=mcts", "rollout.workers=1", "seed=1"], ["seed=2"])
    ):
        (tmp_path / str(number)).mkdir()
        ids.append(run_id(tmp_path / str(number), point_identity(plain(compose_config(overrides)))))
    assert ids[0] == ids[1] != ids[2]
    (tmp_path / "0" / "wandb_run_id").write_text("mine\n")
    assert run_id(tmp_path / "0", "another") == "mine"


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
    assert not list((tmp_path / "store").glob("*/*"))  # nothing was computed
