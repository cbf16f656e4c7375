"""Files and folders as records: JSON in every arrangement, packed files, tables, plain logs.

A file is read as what it holds, not as what it is called. What is damaged is a problem of its own
place; what comes before and after it is read.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.trajectory.reading.json_texts import BLANKS, Damage, parse_json, parse_python
from tratree.trajectory.reading.names import HELD_OUT_SPLITS
from tratree.trajectory.reading.rows import whole_records
from tratree.trajectory.reading.tables import ARROW, read_arrow, read_csv, read_parquet
from tratree.trajectory.reading.values import PYTHON
from tratree.trajectory.words import words

LARGEST = 2**30
"""Most bytes of one file, unpacked."""

_SUFFIXES = words(
    ".json .jsonl .jsonlines .jl .ndjson .gz .bz2 .xz .parquet .pq .arrow .csv .tsv .txt .log"
)
_NOT_RECORDS = re.compile(
    r"(?:dataset_infos?|state|dataset_dict|dataset_card)\.json|cache-.*\.arrow|.*\.report\.json"
    r"|(?:readme|license|requirements).*",
    re.IGNORECASE,
)
_EPISODE = re.compile(r"^#{3,}\s+Environment #(\d+):[ \t]*", re.MULTILINE)
_RULE = re.compile(r"^#{3,}[ \t]*$", re.MULTILINE)
_STATUS = re.compile(r"^STATUS: (OK|FAIL)\s*\Z", re.MULTILINE)

_UNPACKED: Mapping[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_PACKED = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z"}
_CUT = "the packed file is cut off or damaged: only its beginning was read"
_NOTHING = "has no records: make or download it again"
_BRACKETED = re.compile(r"\s*\[[\w-]")
"""The beginning of a log with times or levels in brackets."""

_POINTER = "version https://git-lfs"


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
    if not path.is_dir():
        yield from _read_file(path)
        return
    every = sorted(p for p in path.rglob("*") if _may_hold_records(p.relative_to(path)))
    every = [p for p in every if p.is_file() or p.is_symlink()]
    files = [p for p in every if p.name.lower().endswith(_SUFFIXES) or p.is_dir()]
    files = files or [p for p in every if not p.suffix and not p.name.startswith("_")]
    if not files:
        raise UserError(f"{path} has no file that ends in {', '.join(_SUFFIXES)}: correct the path")
    for file in files:
        split = _split_of(file.relative_to(path))
        try:
            yield from (replace(found, split=split) for found in _read_file(file))
        except UserError as error:
            if isinstance(error.__cause__, ImportError):
                raise
            yield Found(str(file), problem=str(error))


def _split_of(path: Path) -> str:
    """Return the split in a path such as ``data/test-00000-of-00001.parquet``."""
    for part in (*path.parts[:-1], path.name.partition(".")[0]):
        name = re.sub(r"[-_]\d+(?:[-_]of[-_]\d+)?\Z", "", part.lower()).replace("-", "_")
        if name in HELD_OUT_SPLITS or name == "train":
            return name
    return ""


def _may_hold_records(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and not _NOT_RECORDS.fullmatch(path.name)


def _read_file(path: Path) -> Iterator[Found]:
    try:
        start, content, cut = _read_bytes(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot read {path} ({reason}): correct the path, or make it again"
        ) from error
    if content is None:
        yield from _numbered(path, (read_parquet if start[:4] == b"PAR1" else read_arrow)(path))
        return
    encoding = json.detect_encoding(content)
    # A byte that is not text spoils only its record, which then holds what JSON cannot.
    text = content.decode(encoding, "surrogateescape" if encoding[:5] == "utf-8" else "replace")
    suffix = next((s for s in reversed(path.suffixes) if s not in (".gz", ".bz2", ".xz")), "")
    plain = suffix in (".txt", ".log")
    begin = text.lstrip(BLANKS)[:1]
    begin = "" if plain and _BRACKETED.match(text) else begin
    if text.startswith(_POINTER):
        yield Found(str(path), problem="is only a pointer to it: run `git lfs pull` in its folder")
    elif suffix in (".csv", ".tsv") and begin not in ("{", "["):
        yield from _numbered(path, read_csv(text))
    elif PYTHON.match(text):
        yield from _numbered(path, parse_python(text))
    elif begin in ("{", "[") or text.lstrip()[:2] == '"{' or ("\n{" in text and not plain):
        yield from _numbered(path, parse_json(text))
    elif plain and text.strip():
        yield from _read_log(path, text)
    elif text.strip():
        yield Found(str(path), problem="is neither a JSON list nor one JSON record a line")
    else:
        yield Found(str(path), problem=_NOTHING)
    if cut:
        yield Found(str(path), problem=_CUT)


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


def _read_bytes(path: Path) -> tuple[bytes, bytes | None, bool]:
    """Return the first bytes of a file, its content, and whether it is only the beginning of it.

    A table has no content: it is read from its place. A pipe is read only once.
    """
    with path.open("rb") as file:
        start = file.peek(8)[:8]
        if start.startswith((b"PAR1", *ARROW)):
            return start, None, False
        for mark, name in _PACKED.items():
            if start.startswith(mark):
                raise UserError(_packed(path, name))
        unpack = next((how for mark, how in _UNPACKED.items() if start.startswith(mark)), None)
        unpacked = unpack(file) if unpack else file
        content, cut = bytearray(), False
        try:
            while len(content) <= LARGEST and (part := unpacked.read1(2**20)):
                content += part
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            if not content:
                raise
            cut = True
    if content[257:262] == b"ustar":
        raise UserError(_packed(path, "tar"))
    if len(content) > LARGEST:
        raise UserError(
            f"{path} holds more than {LARGEST // 2**20} MiB: divide it into files of a folder"
        )
    return start, bytes(content), cut


def _packed(path: Path, name: str) -> str:
    return f"{path} is packed with {name}: unpack it into a folder, and name that"


def _numbered(path: Path, values: Iterator[Any]) -> Iterator[Found]:
    every = whole_records(list(values))
    if not every:
        yield Found(str(path), problem=_NOTHING)
    alone = path.name.partition(".")[0] if len(every) == 1 else ""
    for number, value in enumerate(every, start=1):
        where = f"record {number} of {path}"
        if isinstance(value, Damage):
            yield Found(where, problem=value.reason)
        else:
            yield Found(where, value, alone=alone)
