"""The tracker that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tratree.tracking.settings import LoggerSettings
from tratree.tracking.tracker import RunFacts, Tracker

if TYPE_CHECKING:
    from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger


class FileTracker(Tracker):
    """Curves as CSV or TensorBoard files in the run folder."""

    def __init__(self, folder: Path, make: type[CSVLogger] | type[TensorBoardLogger]) -> None:
        self._folder = folder
        self._make = make

    def training_logger(self, title: str) -> Logger:
        """Return a logger with a folder of its own."""
        return self._make(self._folder, name=title.replace(" ", "_"), version="")


@contextmanager
def open_tracker(
    settings: LoggerSettings, run: Callable[[], RunFacts], folder: Path
) -> Iterator[Tracker]:
    """Open the tracker that `settings` ask for, for the run in `folder`.

    Args:
        settings: Which one.
        run: Gives what it is told of the run.
        folder: The run folder.

    Raises:
        UserError: If it cannot reach what it needs.
    """
    tracker = _make_tracker(settings, run, folder)
    try:
        yield tracker
    except BaseException as error:
        tracker.close(error)
        raise
    tracker.close(None)


def _make_tracker(settings: LoggerSettings, run: Callable[[], RunFacts], folder: Path) -> Tracker:
    name = settings.name
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

    return WandbTracker(settings, run(), folder)
