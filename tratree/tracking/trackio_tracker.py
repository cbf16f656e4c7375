"""A run in trackio: W&B's views, kept in files of this machine, without an account."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from lightning.pytorch.loggers.logger import Logger

from tratree.errors import UserError
from tratree.tracking import keys
from tratree.tracking.figures import FigureTracker
from tratree.tracking.settings import LoggerSettings
from tratree.tracking.tracker import RunFacts


class _StageLogger(Logger):
    """Curves of a fine-tuning under its name; trackio has no logger for Lightning."""

    def __init__(self, run: Any, title: str) -> None:
        super().__init__()
        self._run, self._title = run, title

    @property
    def name(self) -> str:
        """The project."""
        return str(self._run.project)

    @property
    def version(self) -> str:
        """The run."""
        return str(self._run.name)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run has its whole configuration."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the figures of a step."""
        self._run.log({keys.curve(self._title, n): float(v) for n, v in metrics.items()}, step=step)


class TrackioTracker(FigureTracker):
    """One run; the same settings and seed again resume the same run.

    It is kept where trackio keeps all runs, see ``TRACKIO_DIR``; ``trackio show`` shows them.
    """

    def __init__(self, logger: LoggerSettings, run: RunFacts) -> None:
        try:
            import trackio
            from trackio.sqlite_storage import SQLiteStorage
        except ImportError as error:
            raise UserError(
                "logger=trackio needs trackio: pip install 'tratree[trackio]'"
            ) from error
        name = f"{run.env} {run.method} seed {run.seed} {run.identity[:8]}"
        try:
            with redirect_stdout(io.StringIO()):  # the address of a page that nobody has opened
                self._run = trackio.init(
                    project=logger.project,
                    name=name,
                    group=logger.group,
                    config={**run.configuration, "result_of": run.result_of},
                    resume="allow",
                    embed=False,
                    auto_log_gpu=False,
                    auto_log_cpu=False,
                )
        except (OSError, ValueError) as error:
            raise UserError(
                f"logger=trackio cannot start: {' '.join(str(error).split())}"
            ) from error
        self._known = set(SQLiteStorage.get_all_metrics_for_run(logger.project, name))

    def training_logger(self, title: str) -> Logger:
        """Return a logger whose curves are named after the stage."""
        return _StageLogger(self._run, title)

    def has_curves(self, title: str) -> bool:
        """Return whether an earlier start of this run has logged them."""
        return keys.curve(title, "loss") in self._known

    def log_figures(self, figures: Mapping[str, float]) -> None:
        """Log figures that a run has once."""
        self._run.log(dict(figures))

    def close(self, error: BaseException | None) -> None:
        """Wait until all of it is written."""
        with redirect_stdout(io.StringIO()):
            self._run.finish()
