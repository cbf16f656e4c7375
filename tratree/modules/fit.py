"""Run a fine-tuning with Lightning so that it can be killed at any step and gone on with."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything

from tratree.data.episodes import EpisodeDataModule
from tratree.data.pairs import PairDataModule
from tratree.modules.adapter_module import AdapterModule

CHECKPOINT = "last.ckpt"
METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class FitReport:
    """What a fine-tuning did.

    Attributes:
        samples: Episodes or pairs that were trained on.
        too_long: Those left out because they do not fit the context.
        steps: Steps of the optimizer; 0 if there was nothing to learn from, and the adapter is
            then bit for bit what it was.
        loss: Mean loss over the last tenth of the steps; None without steps.
    """

    samples: int
    too_long: int
    steps: int
    loss: float | None


def fit(
    module: AdapterModule,
    data: EpisodeDataModule | PairDataModule,
    *,
    folder: Path,
    seed: int,
    report: Callable[[int, int, str], None] | None = None,
    logger: Any = False,
) -> FitReport:
    """Train the adapter of `module` on `data`.

    The folder keeps the last checkpoint (adapter, optimizer, schedule, position in the data) and
    ``metrics.jsonl``, a line a step. A call that finds a checkpoint there goes on from it and
    ends with the same bytes as an undisturbed one.

    Args:
        module: What is trained, and its settings.
        data: What it is trained on.
        folder: Where the checkpoint and the metrics lie.
        seed: Decides the order of the data and any dropout.
        report: Called with the steps done, their number, and a note.
        logger: A Lightning logger, or False.
    """
    if not data.samples:
        return FitReport(0, data.too_long, 0, None)
    folder.mkdir(parents=True, exist_ok=True)
    settings = module.settings
    checkpoint = folder / CHECKPOINT
    with _quiet(), _reproducible(settings.threads):
        loader = data.loader(
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            seed=seed,
            skip=_steps_done(checkpoint) * settings.accumulate,
        )
        seed_everything(seed, workers=True, verbose=False)
        trainer = Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=settings.strategy,
            precision=settings.precision,  # type: ignore[arg-type]
            max_epochs=1,
            accumulate_grad_batches=settings.accumulate,
            gradient_clip_val=settings.clip or None,
            logger=logger,
            callbacks=[_Recorder(folder, settings.checkpoint_every_steps, report)],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(
            module.train(),
            loader,
            ckpt_path=checkpoint if checkpoint.exists() else None,
            weights_only=True,
        )
    losses = [row["loss"] for row in _read_rows(folder / METRICS)]
    last = losses[-max(1, len(losses) // 10) :]
    return FitReport(len(data.samples), data.too_long, len(losses), sum(last) / len(last))


def _steps_done(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    return int(torch.load(checkpoint, weights_only=True, mmap=True)["global_step"])


class _Recorder(Callback):
    """Writes a line of metrics a step, and now and then a checkpoint."""

    def __init__(
        self, folder: Path, every: int, report: Callable[[int, int, str], None] | None
    ) -> None:
        self._folder = folder
        self._every = every
        self._report = report
        self._sums: dict[str, torch.Tensor] = {}
        self._batches = 0
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step
        path = self._folder / METRICS
        kept = [row for row in _read_rows(path) if row["step"] <= self._step]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        for name, value in outputs.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()
        self._batches += 1
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        row: dict[str, float] = {"step": self._step}
        row |= {name: float(total) / self._batches for name, total in self._sums.items()}
        self._sums, self._batches = {}, 0
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if trainer.logger:
            trainer.logger.log_metrics(row, step=self._step)
        if self._report:
            total = int(trainer.estimated_stepping_batches)
            self._report(self._step, total, f"loss {row['loss']:.3f}")
        if self._step % self._every == 0:
            unfinished = self._folder / f"{CHECKPOINT}.new"
            trainer.save_checkpoint(unfinished)
            os.replace(unfinished, self._folder / CHECKPOINT)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._file.close()


def _read_rows(path: Path) -> list[dict[str, float]]:
    """Read the metrics; a last line that a kill has cut is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's start-up talk and advice out of the user's terminal."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
