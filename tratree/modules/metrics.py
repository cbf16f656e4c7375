"""The history of a training: one JSON line a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from tratree.documents import read_json_lines

METRICS = "metrics.jsonl"

Row = dict[str, float]
"""Figures of one step; ``step`` counts from 1."""


def _numbered(row: Row) -> Row:
    if row.get("step", 0) < 1:
        raise ValueError("step is missing, or not from 1")
    return row


def truncate_metrics(path: Path, last_step: int) -> None:
    """Drop what comes after `last_step`, where a training goes on; makes the file if needed."""
    kept = [row for row in read_metrics(path) if row["step"] <= last_step]
    unfinished = path.with_suffix(".new")
    unfinished.write_text("".join(map(_line, kept)), encoding="utf-8")
    unfinished.replace(path)


def append_metrics(path: Path, row: Row) -> None:
    """Write a line; it survives the end of the process."""
    with path.open("a", encoding="utf-8") as file:
        file.write(_line(row))


def read_metrics(path: Path) -> list[Row]:
    """Return the rows of a history; a last line that a kill has cut is left out."""
    try:
        return read_json_lines(
            path,
            Annotated[dict[str, float], AfterValidator(_numbered)],
            "remove it",
            unfinished=True,
        )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
