"""Fine-tunings: every loss with and without determinism, kill and resume, the main job on GPUs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.gpu.place import Place, Row, synchronize, unmeasured
from tests.modules.small_models import SETTINGS
from tratree.data.episodes import EpisodeDataModule, StepDataModule
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

ROOT = Path(__file__).parents[2]
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


def rows(place: Place) -> Iterator[Row]:
    """Train with every loss, resume, and run the main job with every trainer."""
    for name, make in [*LOSSES.items(), ("explorer", _explorer(place))]:
        yield _with_and_without(place, name, make)
    yield _resumed(place)
    yield from _main_jobs(place)


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
) -> Row:
    """Train twice each way; the second time, kernels are compiled."""
    losses, seconds = {}, {}
    for deterministic in (True, False, True, False):
        folder = place.folder / f"{name}-{deterministic}-{time.monotonic_ns()}"
        settings = settings_of(place, deterministic=deterministic)
        module = make(add_lora(place.load("bfloat16"), LoraSettings(rank=8), seed=0), settings)
        start = time.perf_counter()
        fit(module, data_of(place, name), folder=folder, seed=0)
        synchronize(place)
        seconds[deterministic] = time.perf_counter() - start
        losses[deterministic] = [row["loss"] for row in read_metrics(folder / METRICS)]
    apart = _relative(losses[False], losses[True])
    return Row(
        f"{name}: deterministic or not",
        f"{seconds[True]:.1f} s or {seconds[False]:.1f} s for {len(losses[True])} steps; "
        f"losses differ by {apart:.1e}",
        f"at most {DIFFERENCE}",
        apart <= DIFFERENCE,
    )


def _resumed(place: Place) -> Row:
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
    return Row(
        "a training that ends after 3 of 4 steps and resumes",
        "the same bytes" if equal else "other bytes",
        "the same bytes",
        equal,
    )


def _main_jobs(place: Place) -> Iterator[Row]:
    trainers = ["gpu", *(["ddp", "fsdp"] if place.gpus > 1 else [])] if place.gpus else []
    wanted = _losses_of_main_job(place, "cpu") if trainers else {}
    for trainer in ("gpu", "ddp", "fsdp"):
        check = f"main job, trainer={trainer}: losses from those of trainer=cpu"
        if trainer not in trainers:
            yield unmeasured(check, "needs two GPUs" if place.gpus else "needs a GPU")
            continue
        found = _losses_of_main_job(place, trainer)
        apart = _relative([found[name] for name in wanted], list(wanted.values()))
        said = f"{apart:.1e} over {len(wanted)} trainings on demonstrations"
        yield Row(check, said, f"at most {DIFFERENCE}", apart <= DIFFERENCE)


def _losses_of_main_job(place: Place, trainer: str) -> dict[str, float]:
    """Run the main job at a small size; return the last loss of each fine-tuning of ``sft``.

    What they play differs in a token here and there, so later fine-tunings have other data.
    """
    store = place.folder / f"store-{trainer}"
    command = [sys.executable, "train.py", "debug=smoke", "method=mcts", f"trainer={trainer}"]
    command += [f"store={store}", f"hydra.run.dir={place.folder / trainer}"]
    subprocess.run(command, cwd=ROOT, check=True)
    found = {}
    for report in store.glob("sft/*/training.json"):
        settings = json.loads((report.parent / "stage.json").read_text("utf-8"))["settings"]
        found[settings["base"]["name"]] = json.loads(report.read_text("utf-8"))["loss"]
    return found


def _relative(found: list[float], wanted: list[float]) -> float:
    return max(abs(a - b) / max(1e-6, abs(b)) for a, b in zip(found, wanted, strict=True))
