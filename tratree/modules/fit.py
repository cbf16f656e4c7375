"""Run a fine-tuning with Lightning so that it can be killed at any step and resumed."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from tratree.data.data_module import StepDataModule
from tratree.errors import UserError
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.checkpoint import SafeCheckpointIO
from tratree.modules.settings import TrainingSettings
from tratree.modules.sharding import ShardedStrategy
from tratree.modules.training_history import (
    CHECKPOINT,
    METRICS,
    append_metrics,
    read_metrics,
    truncate_metrics,
)
from tratree.preemption import Leaving, wait_for_safe_points


@dataclass(frozen=True)
class FitReport:
    """The outcome of a fine-tuning.

    Attributes:
        samples: Episodes or pairs that were trained on.
        too_long: Those left out because they do not fit the context.
        steps: Steps of the optimizer; 0 if there was nothing to learn from, and the adapter is
            then bit for bit what it was.
        loss: Mean loss over the last tenth of the steps; None without steps.
        loss_per_token: The same for each token; None where `loss` is that, or tokens don't count.
    """

    samples: int
    too_long: int
    steps: int
    loss: float | None
    loss_per_token: float | None = None


def fit(
    module: AdapterModule[Any],
    data: StepDataModule[Any, Any],
    *,
    folder: Path,
    seed: int,
    report: Callable[[int, int, str], None] | None = None,
    logger: Logger | None = None,
    profiler: Profiler | None = None,
) -> FitReport:
    """Train the adapter of `module` on `data`.

    The folder keeps the last checkpoint (adapter, optimizer, schedule, position in the data) and
    ``metrics.jsonl``, a line a step. A call with equal arguments that finds a checkpoint there
    resumes from it and ends with the same bytes as an undisturbed one. Asked to leave the machine
    (`tratree.preemption`), or stopped by Ctrl-C or SIGTERM, it does so after the step under way,
    with a checkpoint; a second Ctrl-C stops it at once.

    On several devices, call it in each process of `run_in_processes` or `run_on_nodes`.

    Args:
        module: Module that is trained, with its settings.
        data: Data that it is trained on.
        folder: The folder of the checkpoint and the metrics.
        seed: Decides the order of the data and any dropout.
        report: Called with the steps done, their number, and a note.
        logger: Gets the figures of every step too.
        profiler: Sees how long the parts of a step take.

    Raises:
        UserError: If the loss is not finite, the checkpoint is damaged or of another adapter, or
            the hardware of the settings is not there.
    """
    if not data.samples:
        return FitReport(0, data.too_long, 0, None)
    folder.mkdir(parents=True, exist_ok=True)
    settings = module.settings
    checkpoint = folder / CHECKPOINT
    batch_size, accumulate = settings.batches()
    data.arrange(
        batch_size=batch_size,
        accumulate=accumulate,
        epochs=settings.epochs,
        seed=seed,
        devices=settings.processes,
    )
    # Processes that train together are ended by the one that started them.
    stops = () if multiprocessing.parent_process() else (signal.SIGINT, signal.SIGTERM)
    with _quiet(), _reproducible(settings.threads), wait_for_safe_points(*stops) as leaving:
        recorder = _Recorder(folder, settings.checkpoint_every_steps, report, leaving)
        callbacks = [_KeyedDropout(seed), recorder]
        trainer = _make_trainer(settings, callbacks, logger, profiler)
        try:
            trainer.fit(
                module.train(),
                datamodule=data,
                ckpt_path=checkpoint if checkpoint.exists() else None,
                weights_only=True,
            )
        except SystemExit as end:
            if isinstance(end.__context__, KeyboardInterrupt):  # Lightning's answer to Ctrl-C
                raise KeyboardInterrupt from None
            raise
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            if recorder.began or not checkpoint.exists():
                raise
            raise UserError(
                f"{checkpoint} is not a checkpoint of this fine-tuning "
                f"({' '.join(str(error).split())[:200]}): remove it to train from the start"
            ) from error
        trainer.strategy.barrier()  # the first rank has written the last line
    rows = read_metrics(folder / METRICS)
    last = rows[-max(1, len(rows) // 10) :]
    total = sum(row["loss"] for row in last)
    tokens = sum(row.get("tokens", 0) for row in last)
    return FitReport(
        *(len(data.samples), data.too_long, len(rows), total / len(last)),
        loss_per_token=total / tokens if tokens else None,
    )


def _make_trainer(
    settings: TrainingSettings,
    callbacks: list[Callback],
    logger: Logger | None,
    profiler: Profiler | None,
) -> Trainer:
    strategy: Strategy | str = "auto"
    # Named on a cluster too: Lightning's own way there would queue the job again by itself.
    environment: ClusterEnvironment = LightningEnvironment()
    if settings.processes > 1:
        fsdp = settings.strategy == "fsdp"
        strategy = ShardedStrategy(settings.processes) if fsdp else settings.strategy
        environment = TorchElasticEnvironment()
    try:
        return Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy=strategy,
            precision=settings.precision,
            deterministic=settings.deterministic,
            max_epochs=1,
            logger=logger or False,
            profiler=profiler,
            callbacks=callbacks,
            plugins=[SafeCheckpointIO(), environment],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (MisconfigurationException, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".!")
        no_gpu = settings.accelerator == "gpu" and not torch.cuda.is_available()
        advice = "use trainer=cpu" if no_gpu else "choose another trainer, or change its keys"
        raise UserError(f"training cannot start ({reason}): {advice}") from error


class _KeyedDropout(Callback):
    """Lets the randomness of a step depend on the seed and the step alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        key = np.random.SeedSequence([self._seed, trainer.global_step])
        torch.manual_seed(int(key.generate_state(1)[0]))


class _Recorder(Callback):
    """Writes a line of metrics a step, and a checkpoint now and then and before the job leaves."""

    def __init__(
        self,
        folder: Path,
        every: int,
        report: Callable[[int, int, str], None] | None,
        leaving: Leaving,
    ) -> None:
        self._folder = folder
        self._every = every
        self._report = report
        self._leaving = leaving
        self.began = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.began = True
        self._leaving.hold()  # Lightning takes SIGTERM for itself, and saves nothing
        if trainer.is_global_zero:
            truncate_metrics(self._folder / METRICS, trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        figures = {name: value.item() for name, value in outputs.items()}
        if trainer.is_global_zero:
            append_metrics(self._folder / METRICS, {"step": step, **figures})
        if trainer.logger:
            trainer.logger.log_metrics(figures, step=step)
        if self._report and trainer.is_global_zero:
            self._report(step, int(trainer.num_training_batches), _say_loss(figures, pl_module))
        asked = trainer.strategy.reduce_boolean_decision(self._leaving.asked, all=False)
        if asked or step % self._every == 0:
            trainer.save_checkpoint(self._folder / CHECKPOINT)
        if asked:
            self._leaving.leave()


def _say_loss(figures: Mapping[str, float], module: Any) -> str:
    """Name the loss of a step per token where it has one, and what it is a mean over."""
    loss = figures["loss"]
    if "tokens" in figures:
        return f"loss {loss / figures['tokens']:.3f} per token, {loss:.1f} per {module.unit}"
    return f"loss {loss:.3f} per {module.unit}"


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    """Fix the number of threads; afterwards torch is as it was, whatever the training set."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):  # what trains on a GPU ends with it
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
