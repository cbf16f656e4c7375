"""The trees of many tasks together, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from tratree.tree.forest_file import TREES, load_trees, save_trees
from tratree.tree.mcts import search_paths
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree
from tratree.tree.view.page import render
from tratree.words import counted


class Forest:
    """Trees, each of another task; a sequence of `TrajectoryTree`.

    In a notebook it shows the page of `render`.
    """

    def __init__(self, trees: Iterable[TrajectoryTree]) -> None:
        self.trees = tuple(trees)

    @classmethod
    def load(cls, folder: Path | str) -> Forest:
        """Read the trees of a folder: one that `save` wrote, or a finished ``trees`` stage.

        Raises:
            UserError: If there are none, or they are damaged.
        """
        return cls(load_trees(Path(folder) / TREES))

    def save(self, folder: Path | str) -> None:
        """Write the trees into a folder, which is made if it does not exist."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        save_trees(Path(folder) / TREES, self.trees)

    def statistics(self) -> dict[str, Any]:
        """Return the figures of `forest_statistics`."""
        return forest_statistics(self.trees)

    def render(self, **options: str) -> str:
        """Return the trees with their MCTS paths as one HTML page; `options` are of `render`.

        Raises:
            UserError: If there is no tree.
        """
        return render(self.trees, search_paths(self.trees), **options)

    def __len__(self) -> int:
        return len(self.trees)

    def __getitem__(self, index: int) -> TrajectoryTree:
        return self.trees[index]

    def __iter__(self) -> Iterator[TrajectoryTree]:
        return iter(self.trees)

    def __repr__(self) -> str:
        nodes = sum(len(tree.parent) for tree in self.trees)
        attempts = sum(len(tree.trajectories) for tree in self.trees)
        return (
            f"<Forest: {counted(len(self), 'tree')} of "
            f"{counted(attempts, 'trajectory', 'trajectories')}, {counted(nodes, 'node')}>"
        )

    def _repr_html_(self) -> str:
        if not self.trees:
            return escape(repr(self))
        page = escape(self.render(), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 40em"></iframe>'
