"""A run whose fine-tunings are spread over the two nodes of a job."""

from __future__ import annotations

import json
import os
import re
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, wait_until
from tratree.errors import UserError
from tratree.modules.nodes import run_on_nodes

pytestmark = [pytest.mark.slurm]

METHOD = "method=sft_strong"
LONG = ("model.weak.sft.epochs=30", "trainer.checkpoint_every_steps=1000000")
NODES = ("trainer=ddp_sim", "trainer.devices=1", "trainer.num_nodes=2")
PRODUCTS = ("adapter_model.safetensors", "metrics.jsonl", "episodes.jsonl", "metrics.json")


def products(store: Path) -> list[tuple[str, str, bytes]]:
    """Return what the stages made, without their keys, which name the hardware."""
    paths = (path for name in PRODUCTS for path in store.rglob(name))
    return sorted((p.relative_to(store).parts[0], p.name, p.read_bytes()) for p in paths)


@pytest.mark.slow
def test_two_nodes_give_what_two_processes_give(cluster: Cluster, tmp_path: Path) -> None:
    here, spread = tmp_path / "here", tmp_path / "spread"
    for folder in (here, spread):
        folder.mkdir()
    before = set(cluster.states())
    sweep = cluster.sweep(
        *("slurm_nodes", "hydra.launcher.cpus_per_task=2", "hydra.launcher.partition=scavenge"),
        *("seed=0", METHOD, *LONG, *NODES),
        folder=spread,
    )
    # It is pushed off its nodes in a fine-tuning, long enough to be caught, and resumes there from
    # the checkpoint that it saves first: it would save no other.
    metrics = "sft/*.partial/metrics.jsonl"
    wait_until(lambda: bool(list((spread / "store").glob(metrics))), sweep)
    cluster.push_off(f"ls {spread}/store/sft/*.partial/last.ckpt")
    cluster.finish(sweep, spread)
    job = min(set(cluster.states()) - before, key=int)
    shown = cluster.run("scontrol", "show", "job", job)
    assert re.search(r"Restarts=(\d+)", shown)[1] == "1"
    assert re.search(r"NumNodes=(\d+)", shown)[1] == "2"

    plain = cluster.train(
        *("trainer=ddp_sim", "seed=0", METHOD, *LONG, f"hydra.run.dir={here}/run"), folder=here
    )
    said, _ = plain.communicate()
    assert plain.returncode == 0, said
    assert products(spread / "store") == products(here / "store")
    assert len(products(here / "store")) >= 8
    of_nodes, of_processes = (
        json.loads((folder / "results.json").read_text("utf-8"))
        for folder in (spread / "sweep" / "0", here / "run")
    )
    told = [of.pop("configuration")["trainer"]["num_nodes"] for of in (of_nodes, of_processes)]
    assert told == [2, 1]
    assert of_nodes == of_processes


def tell_rank(folder: Path) -> None:
    """Leave a file that says who was here."""
    names = ("RANK", "WORLD_SIZE", "GROUP_RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    place = " ".join(os.environ[name] for name in names)
    seen = os.environ["SLURMD_NODENAME"], os.environ["CUDA_VISIBLE_DEVICES"]
    (folder / os.environ["RANK"]).write_text(f"{place} {' '.join(seen)}")
    print("noise on standard output")


def fail() -> None:
    if os.environ["RANK"] == "1":
        raise UserError("rank 1 has bad input")


def in_a_job(cluster: Cluster, call: str, module: str = __name__) -> str:
    """Call a function of a module in a job over two nodes, as the launcher would."""
    script = f"import {module} as t; t.{call}"
    command = ("srun", "--nodes=1", "--ntasks=1", sys.executable, "-c", script)
    wanted = ("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=4", "--gpus-per-node=2")
    return cluster.run("salloc", "--quiet", "--time=60", *wanted, *command)


def spread(folder: str) -> None:
    run_on_nodes(partial(tell_rank, Path(folder)), 2, 2)


def spread_failure() -> None:
    with pytest.raises(UserError, match=r"^rank 1 has bad input$"):
        run_on_nodes(fail, 2, 1)
    with pytest.raises(UserError, match="is part of one over 2"):
        run_on_nodes(fail, 3, 1)
    print("failed as they should")


def test_each_process_knows_its_place(cluster: Cluster, tmp_path: Path) -> None:
    in_a_job(cluster, f"spread({str(tmp_path)!r})")
    said = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert said == {
        "0": "0 4 0 0 2 n1 0,1",
        "1": "1 4 0 1 2 n1 0,1",
        "2": "2 4 1 0 2 n2 0,1",
        "3": "3 4 1 1 2 n2 0,1",
    }


def test_failures_on_nodes(cluster: Cluster) -> None:
    assert in_a_job(cluster, "spread_failure()").strip() == "failed as they should"


def test_several_nodes_need_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for held in ("", "2"):  # the second as in the shell of salloc, on a login node
        monkeypatch.setenv("SLURM_JOB_NUM_NODES", held)
        monkeypatch.delenv("SLURMD_NODENAME", raising=False)
        with pytest.raises(UserError, match="part of none: use hydra/launcher=slurm_nodes"):
            run_on_nodes(fail, 2, 1)
