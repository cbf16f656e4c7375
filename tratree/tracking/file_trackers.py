"""Figures of a run as CSV or TensorBoard files in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from tratree.tracking.figures import FigureTracker

RUN = "run"
"""The folder of what a run has once, beside one for each fine-tuning."""


class CSVTracker(FigureTracker):
    """CSV files: a folder for each fine-tuning, and one for the run."""

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        self._folder = folder
        self._configuration = dict(configuration)
        self._figures: dict[str, float] = {}

    def training_logger(self, title: str) -> Logger:
        """Return a logger with a folder of its own."""
        logger = CSVLogger(self._folder, name=_name(title), version="")
        logger.log_hyperparams(self._configuration)
        return logger

    def has_curves(self, title: str) -> bool:
        """Return whether the fine-tuning has its folder."""
        return (self._folder / _name(title)).is_dir()

    def log_figures(self, figures: Mapping[str, float]) -> None:
        """Keep figures until the end of the run."""
        self._figures |= figures

    def close(self, error: BaseException | None) -> None:
        """Write the figures of the run beside its configuration."""
        if self._figures:
            logger = self.training_logger(RUN)
            logger.log_metrics(self._figures, step=0)
            logger.finalize("success")


class TensorBoardTracker(CSVTracker):
    """TensorBoard's files: the same, and the run with its configuration among HPARAMS."""

    def training_logger(self, title: str) -> Logger:
        """Return a logger with a folder of its own."""
        logger = TensorBoardLogger(self._folder, name=_name(title), version="")
        logger.hparams.update(self._configuration)  # as a file; one line of HPARAMS a run is enough
        return logger

    def close(self, error: BaseException | None) -> None:
        """Write the figures of the run with its configuration."""
        if self._figures:
            logger = TensorBoardLogger(self._folder, name=RUN, version="")
            logger.log_hyperparams(self._configuration, self._figures)
            logger.finalize("success")


def _name(title: str) -> str:
    return title.replace(" ", "_")
