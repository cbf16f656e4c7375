"""Finished stages that hold what another stage would: work that need not be done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from tratree.errors import UserError
from tratree.store.finished import CODE, DESCRIPTION, finished_stages, read_description
from tratree.store.manifest import FileEntry, checked_file, verify
from tratree.store.stage import Stage


def with_equal_inputs(stage: Stage, inputs: Mapping[str, Path], root: Path) -> Path | None:
    """Return a finished stage that differs from `stage` only in how its inputs came about.

    Such as the pairs of trees that were merged with another ξ and are the same trees: the result
    is the same, too, because a stage is a function of its settings and of what its inputs hold.
    A damaged stage is like no other.

    Returns:
        The folder, or None if there is none.
    """
    wanted = json.loads(json.dumps({**stage.description(), "inputs": None}))
    for folder, found in finished_stages(root / stage.name) if inputs else ():
        keys = found["inputs"]
        if {**found, "inputs": None} == wanted and keys.keys() == inputs.keys():
            theirs = {name: root / stage.inputs[name].name / key for name, key in keys.items()}
            try:
                if all(_equal(stage.inputs[name], inputs[name], theirs[name]) for name in inputs):
                    verify(folder, checked_file(folder))
                    return folder
            except UserError:
                continue
    return None


def copy_results(source: Path, target: Path) -> None:
    """Copy what a finished stage holds to a new folder, without the store's own files."""
    for name in _results(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name, follow_symlinks=False)


def _equal(stage: Stage, ours: Path, theirs: Path) -> bool:
    """Return whether two folders of `stage` are the same to the stages that read them."""
    if ours == theirs:
        return True
    same_settings = (
        stage.self_contained
        or read_description(ours)["settings"] == read_description(theirs)["settings"]
    )
    return same_settings and _results(ours) == _results(theirs)


def _results(folder: Path) -> Mapping[str, FileEntry]:
    manifest = verify(folder, checked_file(folder))
    return {name: entry for name, entry in manifest.items() if name not in (DESCRIPTION, CODE)}
