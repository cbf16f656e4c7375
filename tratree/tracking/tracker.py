"""What a tracker is told, and those that write plain files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

    from tratree.config import Config
    from tratree.store.stage import Stage


class Tracker:
    """Follows one run; this one keeps nothing.

    A run's figures are in its folder and in the store whatever the tracker, and no tracker is
    part of what a stage's result depends on.
    """

    def training_logger(self, title: str) -> Logger | None:
        """Return where the figures of every step of the fine-tuning of stage `title` go."""
        return None

    def stage_done(self, stage: Stage, folder: Path, *, computed: bool) -> None:
        """Take note of a finished stage, computed by this run or found in the store."""

    def results_done(self, results: Mapping[str, Any], evaluated: Mapping[str, Path]) -> None:
        """Take note of ``results.json`` and of the evaluation of every system."""

    def close(self, error: BaseException | None) -> None:
        """End with the run.

        Args:
            error: What ended the run, if it did not come to its end.
        """


class FileTracker(Tracker):
    """Curves as CSV or TensorBoard files in the run folder."""

    def __init__(self, folder: Path, make: type[CSVLogger] | type[TensorBoardLogger]) -> None:
        self._folder = folder
        self._make = make

    def training_logger(self, title: str) -> Logger:
        """Return a logger with a folder of its own."""
        return self._make(self._folder, name=title.replace(" ", "_"), version="")


@contextmanager
def open_tracker(config: Config, folder: Path) -> Iterator[Tracker]:
    """Open the tracker that `config` asks for, for the run in `folder`.

    Raises:
        UserError: If it cannot reach what it needs.
    """
    tracker = _make_tracker(config, folder)
    try:
        yield tracker
    except BaseException as error:
        tracker.close(error)
        raise
    tracker.close(None)


def _make_tracker(config: Config, folder: Path) -> Tracker:
    name = config.logger.name
    if name == "none":
        return Tracker()
    # Imported here, because every stage knows trackers, and reading one needs nothing heavy.
    if name == "csv":
        from lightning.pytorch.loggers import CSVLogger

        return FileTracker(folder / name, CSVLogger)
    if name == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return FileTracker(folder / name, TensorBoardLogger)
    from tratree.tracking.wandb_tracker import WandbTracker

    return WandbTracker(config, folder)
