"""Damage to every file of every stage of a finished run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from tests.attack.kills import BEFORE
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.files import files_below
from tratree.runs.run import open_store
from tratree.stages.methods import evaluations
from tratree.store.finished import TIMING, read_seconds
from tratree.store.manifest import MANIFEST
from tratree.store.progress import Progress
from tratree.store.stage import Stage, with_inputs
from tratree.store.store import Store


def _digit(content: bytes) -> bytes:
    for index in range(len(content) - 1, -1, -1):
        if 48 <= content[index] <= 57:
            return content[:index] + bytes([48 + (content[index] - 47) % 10]) + content[index + 1 :]
    return content + b"0"


DAMAGES: Mapping[str, Callable[[bytes], bytes | None]] = {
    "deleted": lambda content: None,
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a bit flipped": lambda content: bytes([content[0] ^ 1]) + content[1:] if content else b"\0",
    "a digit changed": _digit,
    "nested": lambda content: b"[" * 100_000,
}


class Untouched(Exception):  # noqa: N818
    """Raised in place of a computation: nothing was noticed before it."""


def damage_all(root: Path, overrides: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """Damage one file after the other, and have it read as a run would.

    Args:
        root: Holds ``store-undisturbed``, the store of a finished run of `overrides`; stages that
            it began with (`tests.attack.kills.BEFORE`) are left alone.
        overrides: Of the run.

    Yields:
        (what was done, what was wrong with the answer or None).
    """
    store_folder = root / "store-undisturbed"
    stages = list(evaluations(compose_config([f"store={store_folder}", *overrides])).values())
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    store = open_store(compose_config([f"store={store_folder}", *overrides]), progress)
    for stage in with_inputs(stages):
        folder = store.folder(stage)
        if not folder.is_dir() or (root / BEFORE / stage.name / stage.key).is_dir():
            continue  # not needed, or the stage of another run
        for path in list(files_below(folder)):
            content = path.read_bytes()
            for name, damage in DAMAGES.items():
                damaged = damage(content)
                if damaged == content:
                    continue
                path.unlink()
                if damaged is not None:
                    path.write_bytes(damaged)
                try:
                    fault = _fault(store, stage, path, content)
                finally:
                    path.write_bytes(content)
                yield f"{stage.title}: {path.relative_to(folder)} {name}", fault


def _fault(store: Store, stage: Stage, path: Path, content: bytes) -> str | None:
    """Read a stage whose file at `path` was `content`; return what is wrong with the answer."""
    if path.name == TIMING:  # no result depends on it
        read_seconds(path.parent)
        return None if _answer(store, stage) == "" else "refused"
    answer = _answer(store, stage)
    if answer == "" and path.name == MANIFEST and path.read_bytes() == content:
        return None  # without one, as before there were any, it is made: the same, of whole files
    if answer == "":
        return "used"
    if "\n" in answer or stage.name not in answer or "tratree store repair" not in answer:
        return answer
    return None


def _answer(store: Store, stage: Stage) -> str:
    """Return the error of a run that computes from the stage; empty if there is none."""

    def compute(job: object) -> None:
        raise Untouched

    reader = Stage("reader", {}, compute, {"it": stage})
    try:
        store.ensure(reader)
    except Untouched:
        return ""
    except UserError as error:
        return str(error)
    raise AssertionError("the reader was not computed")
