"""The tracker that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tratree.tracking.settings import LoggerSettings
from tratree.tracking.tracker import RunFacts, Tracker


@contextmanager
def open_tracker(
    settings: LoggerSettings, run: Callable[[], RunFacts], folder: Path
) -> Iterator[Tracker]:
    """Open the tracker that `settings` ask for, for the run in `folder`, which `run` tells of.

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
    if name in ("csv", "tensorboard"):
        from tratree.tracking.file_trackers import CSVTracker, TensorBoardTracker

        make = CSVTracker if name == "csv" else TensorBoardTracker
        return make(folder / name, run().configuration)
    if name == "trackio":
        from tratree.tracking.trackio_tracker import TrackioTracker

        return TrackioTracker(settings, run())
    from tratree.tracking.wandb_tracker import WandbTracker

    return WandbTracker(settings, run(), folder)
