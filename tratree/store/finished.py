"""The folders of finished stages: what the store writes into them, and which are alike."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tratree.store.stage import Stage

DESCRIPTION = "stage.json"
TIMING = "timing.json"
CODE = "code.json"
"""Digests of the code that computed it: `tratree.store.code`."""


def unfinished(finished: Path) -> Path:
    """Return where a stage is worked on until it is `finished`."""
    return finished.with_suffix(".partial")


def finished_folders(stages: Path) -> list[Path]:
    """Return the finished ones among the stages of one name, in the order of their keys."""
    folders = {path.parent for path in stages.glob(f"*/{DESCRIPTION}")}
    return sorted(folder for folder in folders if unfinished(folder) != folder)


def read_description(folder: Path) -> dict[str, Any]:
    """Return name, version, settings and input keys of the finished stage in `folder`."""
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return description


def with_equal_inputs(stage: Stage, inputs: Mapping[str, Path], root: Path) -> Path | None:
    """Return a finished stage that differs from `stage` only in how its inputs came about.

    Such as the pairs of trees that were merged with another ξ and are the same trees: the result
    is the same, too, because a stage is a function of its settings and of what its inputs hold.

    Args:
        stage: Whose result is wanted.
        inputs: The folders of its inputs, finished.
        root: Of the store.

    Returns:
        The folder, or None if there is none.
    """
    wanted = json.loads(json.dumps({**stage.description(), "inputs": None}))
    for folder in finished_folders(root / stage.name) if inputs else ():
        found = read_description(folder)
        keys = found["inputs"]
        if {**found, "inputs": None} == wanted and keys.keys() == inputs.keys():
            theirs = {name: root / stage.inputs[name].name / key for name, key in keys.items()}
            if all(_equal(stage.inputs[name], inputs[name], theirs[name]) for name in inputs):
                return folder
    return None


def _equal(stage: Stage, ours: Path, theirs: Path) -> bool:
    """Whether two folders of `stage` are one and the same to the stages that read them."""
    if ours == theirs:
        return True
    files = _results(ours)
    return (
        (theirs / DESCRIPTION).is_file()
        and (stage.self_contained or _settings(ours) == _settings(theirs))
        and files == _results(theirs)
        and all(filecmp.cmp(ours / file, theirs / file, shallow=False) for file in files)
    )


def _settings(folder: Path) -> Any:
    return read_description(folder)["settings"]


def _results(folder: Path) -> set[Path]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {file for file in files if str(file) not in (DESCRIPTION, TIMING, CODE)}
