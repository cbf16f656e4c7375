"""Files and folders as records: JSON in every arrangement, gzip, parquet, Arrow, plain logs.

A file is read as what it holds, not as what it is called. What is damaged is a problem of its own
place; what comes before and after it is read.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.trajectory.reading.events import is_event
from tratree.trajectory.reading.json_texts import BLANKS, Damage, parse_json, parse_python
from tratree.trajectory.reading.names import HELD_OUT_SPLITS
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.steps import is_step
from tratree.trajectory.reading.values import PYTHON, as_json

LARGEST = 2**30
"""Most bytes of one file, unpacked."""

_SUFFIXES = (
    ".json",
    ".jsonl",
    ".ndjson",
    ".gz",
    ".bz2",
    ".xz",
    ".parquet",
    ".arrow",
    ".txt",
    ".log",
)
_NOT_RECORDS = re.compile(
    r"(?:dataset_infos?|state|dataset_dict|dataset_card)\.json|cache-.*\.arrow|.*\.report\.json"
    r"|(?:readme|license|requirements).*",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_EPISODE = re.compile(r"^#{3,}\s+Environment #(\d+):[ \t]*", re.MULTILINE)
_RULE = re.compile(r"^#{3,}[ \t]*$", re.MULTILINE)
_STATUS = re.compile(r"^STATUS: (OK|FAIL)\s*\Z", re.MULTILINE)

_UNPACKED: Mapping[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_PACKED = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z"}
_DAMAGED = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""Errors of a damaged table; pyarrow's own are of these kinds."""


@dataclass(frozen=True)
class Found:
    """A record of a file, or a place where none could be read.

    Attributes:
        where: Its number and file, for messages.
        value: The record; None if there is a problem.
        problem: The reason why nothing could be read.
        alone: The name of the file, if it holds one record only: ETO names its files by tasks.
        split: The split that a folder's file is of by its name or folder; empty if they say none.
    """

    where: str
    value: Any = None
    problem: str = ""
    alone: str = ""
    split: str = ""


def read_records(path: Path) -> Iterator[Found]:
    """Yield the records of a file, or of all files of a folder in the order of their names.

    Raises:
        UserError: If there is no such file, it is too large, or a library for it is missing.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if _may_hold_records(p.relative_to(path)))
        files = [file for file in files if file.is_file()]
        if not files:
            raise UserError(
                f"{path} has no file that ends in {', '.join(_SUFFIXES)}: correct the path"
            )
        for file in files:
            split = _split_of(file.relative_to(path))
            yield from (replace(found, split=split) for found in _read_file(file))
    else:
        yield from _read_file(path)


def _split_of(path: Path) -> str:
    """Return the split in a path such as ``data/test-00000-of-00001.parquet``."""
    for part in (*path.parts[:-1], path.name.partition(".")[0]):
        name = re.sub(r"[-_]\d+(?:[-_]of[-_]\d+)?\Z", "", part.lower()).replace("-", "_")
        if name in HELD_OUT_SPLITS or name == "train":
            return name
    return ""


def _may_hold_records(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    named = path.name.lower().endswith(_SUFFIXES)
    return named and not hidden and not _NOT_RECORDS.fullmatch(path.name)


def _read_file(path: Path) -> Iterator[Found]:
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"PAR1") or path.suffix == ".parquet":
            yield from _numbered(path, _read_parquet(path))
            return
        if start.startswith(b"ARROW1") or path.suffix == ".arrow":
            yield from _numbered(path, _read_arrow(path))
            return
        content = _read_bytes(path, start)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot read {path} ({reason}): correct the path, or make it again"
        ) from error
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    # A byte that is not text spoils only its record, which then holds what JSON cannot.
    text = content.decode(encoding, "surrogateescape" if encoding != "utf-16" else "replace")
    plain = path.suffix in (".txt", ".log")
    if PYTHON.match(text):
        yield from _numbered(path, parse_python(text))
    elif (
        text.lstrip(BLANKS)[:1] in ("{", "[")
        or text.lstrip()[:2] == '"{'
        or ("\n{" in text and not plain)
    ):
        yield from _numbered(path, parse_json(text))
    elif plain and text.strip():
        yield from _read_log(path, text)
    elif text.strip():
        yield Found(str(path), problem="is neither a JSON list nor one JSON record a line")


def _read_log(path: Path, text: str) -> Iterator[Found]:
    """Yield the episode of a log; Reflexion's trials have many, between rules of ``#``."""
    marks = list(_EPISODE.finditer(text))
    if not marks:
        yield Found(f"record 1 of {path}", {"text": text}, alone=path.stem)
        return
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True), start=1):
        episode = _RULE.split(text[mark.end() : end])[0]
        status = _STATUS.search(episode)
        said = episode[: status.start()] if status else episode
        record = {"number": mark[1], "text": said.strip()}
        if status:
            record["status"] = "success" if status[1] == "OK" else "fail"
        where = f"record {number} of {path}"
        if said.strip().lower().startswith("success"):
            yield Found(where, problem="it was solved in an earlier trial: no episode")
        else:
            yield Found(where, record)


def _read_bytes(path: Path, start: bytes) -> bytes:
    for mark, name in _PACKED.items():
        if start.startswith(mark):
            raise UserError(f"{path} is packed with {name}: unpack it into a folder, and name that")
    unpack = next((opened for mark, opened in _UNPACKED.items() if start.startswith(mark)), open)
    with unpack(path, "rb") as file:
        content: bytes = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise UserError(
            f"{path} holds more than {LARGEST // 2**20} MiB: divide it into files of a folder"
        )
    return content


def _numbered(path: Path, values: Iterator[Any]) -> Iterator[Found]:
    every = list(values)
    if len(every) > 1 and (all(map(is_message, every)) or all(map(is_event, every))):
        every = [{"messages": every}]  # of one conversation
    elif len(every) > 1 and all(is_step(value) and "action" in value for value in every):
        every = [{"steps": every}]
    alone = path.name.partition(".")[0] if len(every) == 1 else ""
    for number, value in enumerate(every, start=1):
        where = f"record {number} of {path}"
        if isinstance(value, Damage):
            yield Found(where, problem=value.reason)
        else:
            yield Found(where, value, alone=alone)


def _read_parquet(path: Path) -> Iterator[Any]:
    parquet = _pyarrow(path, "parquet")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64):
                yield from _rows(batch)
    except _DAMAGED as error:
        yield Damage(f"the parquet file is damaged ({_first_line(error)})")


def _read_arrow(path: Path) -> Iterator[Any]:
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
