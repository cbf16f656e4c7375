"""A job that is pushed off its node twice ends with the bytes of an undisturbed run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# Long enough to be caught at work. Without the signal there would be no checkpoint to resume from.
SETTINGS = (
    "model.weak.sft.epochs=60",
    "explore.trajectories=12",
    "trainer.checkpoint_every_steps=1000000",
)
KEPT = ("adapter_model.safetensors", "metrics.jsonl", "episodes.jsonl", "metrics.json")


def lines(store: Path, pattern: str) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in store.glob(pattern))


def products(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for name in KEPT
        for path in store.rglob(name)
    }


def test_preempted_in_training_and_in_exploration(cluster: Cluster, tmp_path: Path) -> None:
    preempted, undisturbed = tmp_path / "preempted", tmp_path / "undisturbed"
    for folder in (preempted, undisturbed):
        folder.mkdir()
    store = preempted / "store"
    before = set(cluster.states())
    sweep = cluster.sweep(
        "slurm", "hydra.launcher.partition=scavenge", "seed=0", *SETTINGS, folder=preempted
    )
    for pattern, kept in (
        ("sft/*.partial/metrics.jsonl", "sft/*.partial/last.ckpt"),
        ("explore/*.partial/episodes.log.jsonl", "explore/*.partial/episodes.log.jsonl"),
    ):
        wait_until(lambda pattern=pattern: lines(store, pattern) > 0, sweep)
        cluster.push_off(f"ls {store}/{kept}")  # what it needs to resume
    cluster.finish(sweep, preempted)

    job = min(set(cluster.states()) - before, key=int)
    shown = cluster.run("scontrol", "show", "job", job)
    assert re.search(r"Restarts=(\d+)", shown)[1] == "2"

    plain = cluster.train(
        "seed=0", f"hydra.run.dir={undisturbed}/run", *SETTINGS, folder=undisturbed
    )
    said, _ = plain.communicate()
    assert plain.returncode == 0, said
    assert products(store) == products(undisturbed / "store")
    assert len(products(store)) >= 10
    results = preempted / "sweep" / "0" / "results.json"
    assert results.read_bytes() == (undisturbed / "run" / "results.json").read_bytes()
