"""``make gpu-check``: all checks of this folder, in about ten minutes, and their page.

Without a GPU nothing is checked. ``--device cpu --size tiny`` runs what can be run without one.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import torch

from tests.gpu.place import SHAPES, Place, Row

GROUPS = ("processes", "training", "packs", "playing", "memory", "servers")
PAGE = Path(__file__).parents[2] / "benchmarks" / "gpu_check.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, write the page, and return 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=", ".join(GROUPS))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--size", choices=sorted(SHAPES), default="full")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no GPU here, so nothing was checked: run `make gpu-check` where one is")
        return 0
    found: dict[str, list[Row]] = {}
    start = time.monotonic()
    for group in given.groups:
        with tempfile.TemporaryDirectory() as folder:
            found[group] = rows_of(group, Place(given.device, given.size, Path(folder)))
        for row in found[group]:
            print(f"{_mark(row):9} {row.check}: {row.found}", flush=True)
    minutes = (time.monotonic() - start) / 60
    given.page.write_text(page(found, given.device, given.size, minutes), encoding="utf-8")
    print(f"page in {given.page}")
    return int(any(row.right is False for rows in found.values() for row in rows))


def rows_of(group: str, place: Place) -> list[Row]:
    """Return the rows of a group; on a GPU from a process of its own, which leaves no memory.

    What fails with an error is a row too.
    """
    if place.device == "cpu":
        return _rows(group, place)
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(group, place, theirs))
    process.start()
    theirs.close()
    try:
        return [Row(**row) for row in ours.recv()]
    except EOFError:
        return [Row(group, "its process was killed", "no error", False)]
    finally:
        process.join()


def _send(group: str, place: Place, pipe: object) -> None:
    pipe.send([asdict(row) for row in _rows(group, place)])


def _rows(group: str, place: Place) -> list[Row]:
    found: list[Row] = []
    try:
        for row in import_module(f"tests.gpu.{group}").rows(place):
            found.append(row)
    except Exception as error:
        traceback.print_exc()
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        found.append(Row(f"{group}, after {len(found)} rows", said, "no error", False))
    return found


def page(found: dict[str, list[Row]], device: str, size: str, minutes: float) -> str:
    """Return the results in Markdown."""
    if device == "cuda":
        gpus = f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
        machine = f"{gpus}, CUDA {torch.version.cuda}"
    else:
        machine = f"no GPU, {platform.machine()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    command = f"python -m tests.gpu --device {device} --size {size}"
    lines = [
        "# GPU check",
        "",
        f"`{command}`, {date.today():%d %B %Y}, {machine}; {versions}; {minutes:.0f} minutes. "
        "Random weights.",
    ]
    for group, rows in found.items():
        lines += [
            "",
            f"## {group.capitalize()}",
            "",
            "| check | found | wanted | |",
            "|---|---|---|---|",
        ]
        for row in rows:
            cells = (row.check, row.found, row.wanted, _mark(row))
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _mark(row: Row) -> str:
    return {True: "right", False: "WRONG", None: "unknown"}[row.right]


if __name__ == "__main__":
    sys.exit(main())
