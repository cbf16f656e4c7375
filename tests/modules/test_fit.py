"""Fine-tuning: what changes, what is kept, and what a kill does."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_models import SETTINGS, episode, episodes, small_model

from tratree.data.episodes import EpisodeDataModule
from tratree.data.pairs import EncodedPair, PairDataModule
from tratree.models.lora import save_adapter
from tratree.modules.fit import CHECKPOINT, METRICS, FitReport, fit
from tratree.modules.imitation import MCTSImitationModule
from tratree.modules.sft import SFTModule
from tratree.modules.tree_dpo import DPOSettings, TreeDPOModule

LONG = replace(SETTINGS, epochs=40)


def train(folder: Path, settings=SETTINGS) -> FitReport:
    module = SFTModule(small_model(), settings)
    report = fit(module, EpisodeDataModule(episodes(22), 64), folder=folder, seed=0)
    save_adapter(module.model, folder / "adapter")
    return report


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / METRICS).read_text().splitlines()]


def test_the_loss_falls_and_only_the_adapter_changes(tmp_path: Path) -> None:
    model = small_model()
    before = {name: p.clone() for name, p in model.named_parameters()}
    data = EpisodeDataModule(episodes(22), 64)
    report = fit(SFTModule(model, LONG), data, folder=tmp_path, seed=0)
    losses = [json.loads(line)["loss"] for line in (tmp_path / METRICS).read_text().splitlines()]
    assert report.steps == len(losses) == 40 * 6
    assert sum(losses[-6:]) < 0.9 * sum(losses[:6])
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all("lora_" in name for name in changed)


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(tmp_path / name)
    assert weights(tmp_path / "one/adapter") == weights(tmp_path / "two/adapter")


def test_accumulated_batches_make_one_step(tmp_path: Path) -> None:
    report = train(tmp_path, replace(SETTINGS, batch_size=2, accumulate=2))
    assert report.steps == 11
    assert steps(tmp_path) == list(range(1, 12))


def test_a_checkpoint_holds_the_adapter_only(tmp_path: Path) -> None:
    train(tmp_path)
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert saved["state_dict"]
    assert all("lora_" in name for name in saved["state_dict"])


@pytest.mark.parametrize("delay", [0.0, 0.25, 0.6])
def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, delay: float
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tratree.modules.fit", "small_models"])
    process = context.Process(target=train, args=(tmp_path / "killed", LONG))
    process.start()
    while not (tmp_path / "killed" / CHECKPOINT).exists():
        time.sleep(0.005)
    time.sleep(delay)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert len(steps(tmp_path / "killed")) < 240
    train(tmp_path / "killed", LONG)
    train(tmp_path / "undisturbed", LONG)
    assert steps(tmp_path / "killed") == list(range(1, 241))
    for name in (METRICS, "adapter/adapter_model.safetensors"):
        killed, undisturbed = ((tmp_path / n / name) for n in ("killed", "undisturbed"))
        assert killed.read_bytes() == undisturbed.read_bytes()


def test_samples_that_do_not_fit_are_counted_not_cut(tmp_path: Path) -> None:
    data = EpisodeDataModule([*episodes(5), episode(9, length=65)], 64)
    assert (len(data.samples), data.too_long) == (5, 1)
    report = fit(MCTSImitationModule(small_model(), SETTINGS), data, folder=tmp_path, seed=0)
    assert (report.samples, report.too_long) == (5, 1)


def test_no_pairs_leave_the_weights_bit_for_bit(tmp_path: Path) -> None:
    model = small_model()
    save_adapter(model, tmp_path / "before")
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    report = fit(module, PairDataModule([], 64), folder=tmp_path / "work", seed=0)
    save_adapter(model, tmp_path / "after")
    assert report == FitReport(samples=0, too_long=0, steps=0, loss=None)
    assert weights(tmp_path / "before") == weights(tmp_path / "after")


def test_preferences_are_learnt(tmp_path: Path) -> None:
    pairs = [EncodedPair(episode(n), episode(n + 50)) for n in range(12)]
    module = TreeDPOModule(small_model(), LONG, DPOSettings(beta=0.5))
    fit(module, PairDataModule(pairs, 64), folder=tmp_path, seed=0)
    rows = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert rows[-1]["accuracy"] == 1.0
    assert rows[-1]["margin"] > rows[0]["margin"]
