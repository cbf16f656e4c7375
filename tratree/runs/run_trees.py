"""The trajectory trees of a finished run, with the settings they were made and searched with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.runs.run_folder import read_stages
from tratree.stages.paths import SEARCH
from tratree.stages.trees import read_trees
from tratree.store.finished import DESCRIPTION, read_description
from tratree.tree.path_search import find_paths
from tratree.tree.types import TrajectoryTree
from tratree.tree.view import render

NAMES = {"xi_sim": "ξ_sim", "exploration": "UCB constant"}
"""Of settings, where the name for people is not the key in words."""


@dataclass(frozen=True)
class RunTrees:
    """Trees and where they come from.

    Attributes:
        trees: In the order of their tasks.
        settings: Settings that they were merged with: ``conf/tree``.
        search: Settings of the run's search that `find_paths` takes; empty where it has none.
    """

    trees: list[TrajectoryTree]
    settings: Mapping[str, Any]
    search: Mapping[str, Any]


def find_trees(folder: Path, store: Path | None = None) -> RunTrees:
    """Read the trees of a run folder, or of a finished ``trees`` stage in a store.

    `store` is the root of the run's store, if it isn't where the run left it.

    Raises:
        UserError: If there are none; the message says what to do.
    """
    if (folder / DESCRIPTION).is_file():
        stage = read_description(folder)["stage"]
        if stage != "trees":
            raise UserError(f"{folder} is a finished {stage} stage: give a trees stage or a run")
        return RunTrees(_read(folder), read_description(folder)["settings"], {})
    run = read_stages(folder)
    if store is not None:
        run = replace(run, store=store)
    trees, paths = run.folder("trees"), run.folder("paths")
    if trees is None:
        raise UserError(f"the run in {folder} has no trees: its method does not use them")
    if not run.store.is_dir():
        raise UserError(f"there is no store at {run.store}: say --store FOLDER if it was moved")
    if not trees.is_dir():
        raise UserError(
            f"the store {run.store} does not hold the trees of this run: run its command again "
            "to build them, or say --store FOLDER if they are elsewhere"
        )
    searched: Mapping[str, Any] = (
        read_description(paths)["settings"] if paths and paths.is_dir() else {}
    )
    search: dict[str, Any] = {name: searched[name] for name in SEARCH if name in searched}
    return RunTrees(_read(trees), read_description(trees)["settings"], search)


def tree_page(found: RunTrees, title: str) -> str:
    """Return the page that shows trees, with the settings they were made with."""
    return render(
        found.trees,
        find_paths(found.trees, **found.search),
        title=title,
        note=f"merged with {_list(found.settings)}; "
        f"path found with {_list(found.search) or 'the default settings'}",
    )


def _list(settings: Mapping[str, Any]) -> str:
    said = (
        f"{NAMES.get(name, name.replace('_', ' '))} {value}"
        for name, value in settings.items()
        if value is not None
    )
    return ", ".join(said)


def _read(folder: Path) -> list[TrajectoryTree]:
    trees = read_trees(folder)
    if not trees:
        raise UserError(f"{folder} holds no tree: remove it and run the run's command again")
    return trees
