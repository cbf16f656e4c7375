"""The history of a training: one JSON line a step."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from tratree.documents import read_json_lines
from tratree.files import write_atomically

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

METRICS = "metrics.jsonl"

CHECKPOINT = "last.ckpt"
"""The file that an unfinished training resumes from."""

Row = dict[str, float]
"""Figures of one step; ``step`` counts from 1."""

_LOOK_EVERY = 1.0
"""Seconds between two looks at a history that another process writes."""


def _numbered(row: Row) -> Row:
    if row.get("step", 0) < 1:
        raise ValueError("step is missing, or not from 1")
    return row


def truncate_metrics(path: Path, last_step: int) -> None:
    """Drop what comes after `last_step`, where a training resumes; makes the file if needed."""
    kept = [row for row in read_metrics(path) if row["step"] <= last_step]
    write_atomically(path, [_line(row).encode() for row in kept])


def append_metrics(path: Path, row: Row) -> None:
    """Write a line; it survives the end of the process."""
    with path.open("a", encoding="utf-8") as file:
        file.write(_line(row))


def read_metrics(path: Path) -> list[Row]:
    """Return the rows of a history; a last line that a kill has cut is left out."""
    shape = Annotated[Row, AfterValidator(_numbered)]
    return read_json_lines(path, shape, "remove it", unfinished=True)


@contextmanager
def logged_metrics(path: Path, logger: Logger | None) -> Iterator[None]:
    """Tell `logger` of every step that other processes write to the history at `path`.

    A training that resumes writes equal rows again; each step is logged once.
    """
    if logger is None:
        yield
        return
    over = threading.Event()

    def follow() -> None:
        step = 0.0
        while True:
            last = over.wait(_LOOK_EVERY)
            for row in read_metrics(path):
                if row["step"] > step:
                    step = row["step"]
                    figures = {name: value for name, value in row.items() if name != "step"}
                    logger.log_metrics(figures, step=int(step))
            if last:
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    status = "failed"
    try:
        yield
        status = "success"
    finally:
        over.set()
        thread.join()
        logger.finalize(status)


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
