"""The history of a training: one JSON line a step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

METRICS = "metrics.jsonl"

Row = dict[str, float]
"""Figures of one step; ``step`` counts from 1."""


class MetricsFile:
    """Appends to a history file, first dropping what came after the step to go on from."""

    def __init__(self, path: Path, last_step: int) -> None:
        kept = [row for row in read_metrics(path) if row["step"] <= last_step]
        unfinished = path.with_suffix(".new")
        unfinished.write_text("".join(map(_line, kept)), encoding="utf-8")
        unfinished.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def append(self, row: Row) -> None:
        """Write a line; it survives the end of the process."""
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[Row]:
    """Return the rows of a history; a last line that a kill has cut is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _line(row: Mapping[str, float]) -> str:
    return json.dumps(row) + "\n"
