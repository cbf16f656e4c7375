"""Fine-tuning on several devices: two CPU processes give what one gives."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.modules.small_models import SETTINGS, episodes, random_tree, small_model
from tratree.data.episodes import EpisodeDataModule
from tratree.data.pairs import PairDataModule
from tratree.errors import UserError
from tratree.models.lora import save_adapter
from tratree.models.ranks import is_first_rank
from tratree.modules.adapter_module import shared_order
from tratree.modules.checkpoint import SafeCheckpointIO
from tratree.modules.fit import CHECKPOINT, fit
from tratree.modules.imitation import SFTModule
from tratree.modules.processes import run_in_processes
from tratree.modules.settings import DPOSettings, TrainingSettings
from tratree.modules.training_history import METRICS, read_metrics
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.preemption import SIGNAL

STEPS = 12  # of SETTINGS on 22 episodes: two epochs, each ends with a step that isn't full


def train(folder: Path, settings: TrainingSettings, dropout: float, stop_after: int) -> None:
    """Train an adapter on 22 episodes and save it; stop as a fault would after some steps."""

    def report(done: int, total: int, note: str) -> None:
        if done == stop_after:
            raise UserError(f"stopped after step {done}")

    module = SFTModule(small_model(dropout=dropout), settings)
    fit(module, EpisodeDataModule(episodes(22), 64), folder=folder, seed=0, report=report)
    save_adapter(module.model, folder / "adapter")
    if is_first_rank():
        (folder / CHECKPOINT).unlink()


def train_on(
    devices: int, folder: Path, strategy: str, *, dropout: float = 0.0, stop_after: int = 0
) -> None:
    settings = replace(SETTINGS, batch_size=2, accumulate=2, devices=devices, strategy=strategy)
    work = partial(train, folder, settings, dropout, stop_after)
    if devices == 1:
        work()
    else:
        run_in_processes(work, devices)


def results(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / METRICS, *(folder / "adapter").iterdir())]


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "dropout"), [("ddp", 0.1), ("fsdp", 0.0)])
def test_two_devices_give_what_one_gives_but_for_rounding(
    tmp_path: Path, strategy: str, dropout: float
) -> None:
    train_on(1, tmp_path / "one", "auto", dropout=dropout)
    train_on(2, tmp_path / "two", strategy, dropout=dropout)
    assert len(read_metrics(tmp_path / "one" / METRICS)) == STEPS
    assert_equal_but_for_rounding(tmp_path, ("loss", "gradient_norm", "learning_rate"))


def assert_equal_but_for_rounding(folder: Path, figures: Sequence[str]) -> None:
    """Compare the trainings in the folders ``one`` and ``two``."""
    one, two = (read_metrics(folder / name / METRICS) for name in ("one", "two"))
    assert len(one) == len(two) > 1
    for figure in figures:
        assert [row[figure] for row in two] == pytest.approx([row[figure] for row in one], rel=1e-4)
    weights = [
        load_file(folder / name / "adapter" / "adapter_model.safetensors")
        for name in ("one", "two")
    ]
    assert weights[0].keys() == weights[1].keys()
    for name, expected in weights[0].items():
        assert torch.allclose(weights[1][name], expected, atol=1e-4)


def train_on_packs(folder: Path, settings: TrainingSettings) -> None:
    """Train an adapter on the pairs of six trees, a few packs a step, and save it."""
    trees = [replace(pair, tree=str(seed)) for seed in range(6) for pair in random_tree(seed, 3)]
    data = PairDataModule(trees, 128, pack_tokens=50)
    steps = data.plan(size=4, epochs=settings.epochs, seed=0)
    packs = [len(data.collate([data.samples[index] for index in step], 2)) for step in steps]
    assert {1, 2, 3, 4} <= set(packs)  # two devices do not always have the same number
    module = TreeDPOModule(small_model(), settings, DPOSettings())
    fit(module, data, folder=folder, seed=0)
    save_adapter(module.model, folder / "adapter")


@pytest.mark.slow
def test_two_devices_train_on_packs_as_one_does(tmp_path: Path) -> None:
    settings = replace(SETTINGS, batch_size=2, accumulate=2)
    train_on_packs(tmp_path / "one", settings)
    run_in_processes(
        partial(train_on_packs, tmp_path / "two", replace(settings, devices=2, strategy="ddp")), 2
    )
    assert_equal_but_for_rounding(tmp_path, ("loss", "gradient_norm", "margin"))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_an_interrupted_training_on_two_devices_ends_with_the_same_bytes(
    tmp_path: Path, strategy: str
) -> None:
    train_on(2, tmp_path / "whole", strategy)
    with pytest.raises(UserError, match="stopped after step 8"):
        train_on(2, tmp_path / "cut", strategy, stop_after=8)
    saved = torch.load(tmp_path / "cut" / CHECKPOINT, weights_only=True)
    assert saved["state_dict"]
    assert all("lora_" in name for name in saved["state_dict"])
    train_on(2, tmp_path / "cut", strategy)
    assert results(tmp_path / "cut") == results(tmp_path / "whole")


def train_until_asked(folder: Path, settings: TrainingSettings, number: int) -> None:
    """Train as `train` does; after step 4 the signal comes, and the steps are slow from then on."""

    def report(done: int, *_: object) -> None:
        program = multiprocessing.parent_process()
        if done == 4 and program is not None and program.pid is not None:
            os.kill(program.pid, number)
        time.sleep(0.3 * (done >= 4))

    fit(
        SFTModule(small_model(), settings),
        EpisodeDataModule(episodes(22), 64),
        folder=folder,
        seed=0,
        report=report,
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [SIGNAL, signal.SIGINT, signal.SIGTERM])
def test_asked_to_leave_two_devices_save_what_they_have_done(
    tmp_path: Path, number: signal.Signals
) -> None:
    settings = replace(SETTINGS, batch_size=2, accumulate=2, devices=2, strategy="ddp")
    settings = replace(settings, checkpoint_every_steps=100)

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, leave)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_processes(partial(train_until_asked, tmp_path / "cut", settings, number), 2)
        assert signal.getsignal(number) is leave
    finally:
        signal.signal(number, before)
    saved = SafeCheckpointIO().load_checkpoint(tmp_path / "cut" / CHECKPOINT)
    assert 4 <= saved["global_step"] < STEPS
    train_on(2, tmp_path / "cut", "ddp")
    train_on(2, tmp_path / "whole", "ddp")
    assert results(tmp_path / "cut") == results(tmp_path / "whole")


def test_a_step_is_cut_so_that_every_device_has_a_batch() -> None:
    def batches(devices: int, batch_size: int, accumulate: int) -> tuple[int, int]:
        settings = replace(
            SETTINGS,
            batch_size=batch_size,
            accumulate=accumulate,
            devices=devices,
            strategy="ddp",
        )
        return settings.batches()

    assert batches(1, 4, 8) == (4, 8)
    assert batches(2, 4, 8) == (4, 8)
    assert batches(2, 16, 1) == (8, 2)
    assert batches(8, 4, 4) == (2, 8)
    with pytest.raises(UserError, match="cannot share evenly"):
        batches(3, 4, 8)


def test_devices_take_batches_of_one_size_at_a_time() -> None:
    assert shared_order([3, 9, 4, 8], devices=2) == [1, 3, 2, 0]
    assert shared_order([3, 9, 4, 8], devices=1) == [0, 1, 2, 3]


def test_several_devices_need_a_strategy() -> None:
    with pytest.raises(UserError, match="set strategy to ddp or fsdp"):
        replace(SETTINGS, devices=2)
    with pytest.raises(UserError, match="one of auto, ddp, fsdp"):
        replace(SETTINGS, devices=2, strategy="hope")
