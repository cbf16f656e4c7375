"""The history of a training that other processes write reaches a logger, each step once."""

from __future__ import annotations

import csv
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger

from tratree.modules.training_history import (
    METRICS,
    append_metrics,
    logged_metrics,
    truncate_metrics,
)


def test_every_step_is_logged_once_though_a_resumed_training_writes_some_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / METRICS
    for step in (1, 2, 3):
        append_metrics(path, {"step": step, "loss": 1.0 / step})
    with logged_metrics(path, CSVLogger(tmp_path, name="curves", version="")):
        truncate_metrics(path, 1)
        for step in (2, 3, 4):
            append_metrics(path, {"step": step, "loss": 1.0 / step})
    with (tmp_path / "curves" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["step"]), float(row["loss"])) for row in rows] == [
        (step, 1.0 / step) for step in (1, 2, 3, 4)
    ]


def test_without_a_logger_nothing_is_read(tmp_path: Path) -> None:
    with logged_metrics(tmp_path / METRICS, None):
        pass
