"""Tables as records: parquet, Arrow, CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.trajectory.reading.json_texts import Damage
from tratree.trajectory.reading.values import as_json

ARROW = (b"ARROW1", b"\xff\xff\xff\xff")
"""The first bytes of an Arrow file, and of a stream."""

_DAMAGED = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""Errors of a damaged table; pyarrow's own are of these kinds."""


def read_csv(text: str) -> Iterator[Any]:
    """Yield the rows of a table of texts, with commas or tabs; an empty field is unknown."""
    csv.field_size_limit(sys.maxsize)
    head = text.partition("\n")[0]
    separator = "\t" if "\t" in head else ";" if head.count(";") > head.count(",") else ","
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=separator):
            yield {str(name): value or None for name, value in row.items()}
    except csv.Error as error:
        yield Damage(f"the table is damaged ({_first_line(error)})")


def read_parquet(path: Path) -> Iterator[Any]:
    """Yield the rows of a parquet file."""
    parquet = _pyarrow(path, "parquet")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64):
                yield from _rows(batch)
    except _DAMAGED as error:
        yield Damage(f"the parquet file is damaged ({_first_line(error)})")


def read_arrow(path: Path) -> Iterator[Any]:
    """Yield the rows of an Arrow file or stream."""
    ipc = _pyarrow(path, "ipc")
    try:
        with path.open("rb") as file:
            packed = file.read(6) == b"ARROW1"
            file.seek(0)
            with (ipc.open_file if packed else ipc.open_stream)(file) as table:
                for batch in table.read_all().to_batches(max_chunksize=64):
                    yield from _rows(batch)
    except _DAMAGED as error:
        yield Damage(f"the Arrow file is damaged ({_first_line(error)})")


def _rows(batch: Any) -> Iterator[Any]:
    batch.validate(full=True)  # offsets of a damaged file would crash this process
    yield from map(as_json, batch.to_pylist())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:100]


def _pyarrow(path: Path, module: str) -> Any:
    try:
        return import_module(f"pyarrow.{module}")
    except ImportError as error:
        raise UserError(
            f"{path} needs pyarrow: pip install 'tratree[parquet]', or convert it to JSON lines"
        ) from error
