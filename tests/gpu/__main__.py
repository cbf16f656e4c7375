"""``make gpu-check``: all checks of this folder, in some fifteen minutes, and their page.

Without a GPU nothing is checked. ``--device cpu --size tiny`` runs what can be run without one.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import date
from functools import partial
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import torch
from transformers.utils import logging as transformers_logging

from tests.gpu.place import SHAPES, Check, Place, Row

GROUPS = ("machine", "processes", "training", "packs", "playing", "memory", "jobs", "servers")
PAGE = Path(__file__).parents[2] / "benchmarks" / "gpu_check.md"
LONGEST = 900.0
"""Seconds without a row after which the rest of a group is given up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, write the page, and return 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all by default"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--size", choices=sorted(SHAPES), default="full")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    groups = given.groups or GROUPS
    if unknown := sorted(set(groups) - set(GROUPS)):
        parser.error(f"no group {unknown[0]}: there are {', '.join(GROUPS)}")
    if given.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no GPU here, so nothing was checked: run `make gpu-check` where one is")
        return 0
    command = f"python -m tests.gpu --device {given.device} --size {given.size}"
    command = " ".join([command, *given.groups])
    found: dict[str, list[Row]] = {}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Place(given.device, given.size, Path(folder))
        for group in groups:
            start = time.monotonic()
            found[group] = []
            for row in rows_of(group, place):
                print(f"{_mark(row):9} {row.check}: {row.found}", flush=True)
                found[group].append(row)
            seconds[group] = time.monotonic() - start
            # After each group, so that whoever stops the check has a page of what was found.
            given.page.write_text(page(found, seconds, command), encoding="utf-8")
    print(f"page in {given.page}")
    return int(any(row.right is False for rows in found.values() for row in rows))


def rows_of(group: str, place: Place) -> Iterator[Row]:
    """Yield the rows of a group; on a GPU from a process of its own, which leaves no memory.

    What fails with an error is a row too.
    """
    yield from _rows_apart(group, place) if place.device == "cuda" else _rows(group, place)


def _rows_apart(group: str, place: Place) -> Iterator[Row]:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(group, place, theirs))
    process.start()
    theirs.close()
    try:
        while ours.poll(LONGEST):
            row = ours.recv()
            if row is None:
                process.join()
                return
            yield row
        yield Row(group, f"no answer for {LONGEST:.0f} s", "an answer", False)
    except EOFError:
        process.join()
        how = f"its process ended with exit code {process.exitcode}"
        yield Row(group, how, "no error", False)
    finally:
        _end(process.pid)


def _end(number: int | None) -> None:
    """End a process and all that it has started."""
    try:
        top = psutil.Process(number)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _send(group: str, place: Place, pipe: Connection) -> None:
    with closing(pipe):
        for row in _rows(group, place):
            pipe.send(row)
        pipe.send(None)


def _rows(group: str, place: Place) -> Iterator[Row]:
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    for check in import_module(f"tests.gpu.{group}").checks(place):
        try:
            yield from check()
        except Exception as error:
            traceback.print_exc()
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            yield Row(f"{group}, {_name(check)}", said, "no error", False)
        gc.collect()
        if place.gpus and torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def _name(check: Check) -> str:
    if not isinstance(check, partial):
        return check.__name__.strip("_").replace("_", " ")
    told = [str(value) for value in check.args if isinstance(value, str | int)]
    return " ".join([_name(check.func), *told])


def page(found: dict[str, list[Row]], seconds: dict[str, float], command: str) -> str:
    """Return the results in Markdown."""
    marks = [_mark(row) for rows in found.values() for row in rows]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    lines = [
        "# GPU check",
        "",
        f"`{command}`, {date.today():%d %B %Y}; {versions}; "
        f"{sum(seconds.values()) / 60:.0f} minutes. Random weights.",
        "",
        f"**{marks.count('right')} right, {marks.count('WRONG')} wrong**, "
        f"{marks.count('unknown')} not measured here.",
    ]
    for group, rows in found.items():
        lines += [
            "",
            f"## {group.capitalize()} ({seconds[group]:.0f} s)",
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
