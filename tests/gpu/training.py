"""Fine-tunings: every loss with and without determinism, and one that resumes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.gpu.place import Check, Place, Row, synchronize
from tests.modules.small_models import SETTINGS
from tratree.data.data_module import StepDataModule
from tratree.data.episodes import EpisodeDataModule
from tratree.data.labels import LabelDataModule, LabelledTrajectory
from tratree.data.pairs import PairDataModule
from tratree.errors import UserError
from tratree.models.lora import add_lora, save_adapter
from tratree.models.settings import LoraSettings
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.explorer import ExplorerModule
from tratree.modules.fit import fit
from tratree.modules.imitation import MCTSImitationModule, SFTModule
from tratree.modules.kto import KTOModule
from tratree.modules.settings import DPOSettings, TrainingSettings
from tratree.modules.training_history import METRICS, read_metrics
from tratree.modules.tree_dpo import TreeDPOModule

DIFFERENCE = 1e-2
"""Most by which losses may differ from those of a CPU in float32, relative to them."""

Losses = dict[str, Callable[[Any, TrainingSettings], AdapterModule[Any]]]
LOSSES: Losses = {
    "SFT": SFTModule,
    "imitation of paths": MCTSImitationModule,
    "TreeDPO": lambda model, settings: TreeDPOModule(model, settings, DPOSettings()),
    "TreeDPO, smoothed, by length": lambda model, settings: TreeDPOModule(
        model, settings, DPOSettings(label_smoothing=0.1, length_normalised=True)
    ),
    **{
        f"TreeDPO, {loss}": partial(
            TreeDPOModule,
            dpo=DPOSettings(loss=loss, nll_weight=0.1, label_smoothing=0.1 * (loss == "robust")),
        )
        for loss in ("hinge", "ipo", "robust", "apo_zero", "apo_down")
    },
    "KTO": lambda model, settings: KTOModule(model, settings, DPOSettings()),
}


def checks(place: Place) -> list[Check]:
    """Return the checks: a training with every loss, and one that resumes."""
    losses = [*LOSSES.items(), ("explorer", _explorer(place))]
    return [
        *(partial(_with_and_without, place, name, make) for name, make in losses),
        partial(_resumed, place),
    ]


def settings_of(place: Place, *, deterministic: bool) -> TrainingSettings:
    """Return how the checks train: some steps of two samples."""
    return replace(
        SETTINGS,
        learning_rate=1e-4,
        epochs=1,
        batch_size=2,
        accelerator=place.accelerator,
        precision="bf16-mixed" if place.gpus else "32-true",
        deterministic=deterministic,
    )


def data_of(place: Place, name: str) -> StepDataModule[Any, Any]:
    """Return what a loss is trained on: packs of trees for TreeDPO, else episodes."""
    if name.startswith("TreeDPO"):
        pairs = [pair for seed in range(4) for pair in place.tree(seed, 2)]
        return PairDataModule(pairs, 8192, pack_tokens=8192)
    if name == "KTO":
        labelled = [
            LabelledTrajectory(episode, number % 2 == 0, -300.0, f"task {number // 2}")
            for number, episode in enumerate(place.episodes(8))
        ]
        return LabelDataModule(labelled, 8192, pack_tokens=8192)
    return EpisodeDataModule(place.episodes(8), 8192)


def _explorer(place: Place) -> Callable[[Any, TrainingSettings], AdapterModule[Any]]:
    def make(model: Any, settings: TrainingSettings) -> AdapterModule[Any]:
        return ExplorerModule(model, [place.load("bfloat16")], 0.1, settings)

    return make


def _with_and_without(
    place: Place, name: str, make: Callable[[Any, TrainingSettings], AdapterModule[Any]]
) -> Iterator[Row]:
    """Train each way, on a GPU twice: the second time, kernels are compiled."""
    losses, seconds = {}, {}
    for deterministic in (True, False) * (2 if place.gpus else 1):
        folder = place.folder / f"{name}-{deterministic}-{time.monotonic_ns()}"
        settings = settings_of(place, deterministic=deterministic)
        module = make(add_lora(place.load("bfloat16"), LoraSettings(rank=8), seed=0), settings)
        start = time.perf_counter()
        fit(module, data_of(place, name), folder=folder, seed=0)
        synchronize(place)
        seconds[deterministic] = time.perf_counter() - start
        losses[deterministic] = [row["loss"] for row in read_metrics(folder / METRICS)]
    apart = relative(losses[False], losses[True])
    yield Row(
        f"{name}: deterministic or not",
        f"{seconds[True]:.1f} s or {seconds[False]:.1f} s for {len(losses[True])} steps; "
        f"losses differ by {apart:.1e}",
        f"at most {DIFFERENCE}",
        apart <= DIFFERENCE,
    )


def _resumed(place: Place) -> Iterator[Row]:
    """End a training as a fault would, resume it, and compare all bytes with an undisturbed one."""

    def train(folder: Path, stop_after: int) -> None:
        def report(done: int, total: int, note: str) -> None:
            if done == stop_after:
                raise UserError("stopped")

        settings = settings_of(place, deterministic=True)
        model = add_lora(place.load("bfloat16"), LoraSettings(rank=8, dropout=0.1), seed=0)
        module = SFTModule(model, replace(settings, checkpoint_every_steps=1))
        fit(
            module, EpisodeDataModule(place.episodes(8), 8192), folder=folder, seed=0, report=report
        )
        save_adapter(model, folder / "adapter")

    train(place.folder / "whole", 0)
    try:
        train(place.folder / "cut", 3)
    except UserError:
        train(place.folder / "cut", 0)
    files = [METRICS, "adapter/adapter_model.safetensors"]
    equal = all(
        (place.folder / "whole" / name).read_bytes() == (place.folder / "cut" / name).read_bytes()
        for name in files
    )
    yield Row(
        "a training that ends after 3 of 4 steps and resumes",
        "the same bytes" if equal else "other bytes",
        "the same bytes",
        equal,
    )


def relative(found: Sequence[float], wanted: Sequence[float]) -> float:
    """Return the largest difference of figures, relative to those that are wanted."""
    return max(abs(a - b) / max(1e-6, abs(b)) for a, b in zip(found, wanted, strict=True))
