"""The path of each tree or graph, by the search that a run is told."""

from __future__ import annotations

from collections.abc import Sequence

from tratree.choices import Search, check_choice
from tratree.tree.mcts import Path, search_paths
from tratree.tree.types import TrajectoryTree
from tratree.tree.value_iteration import shortest_paths


def find_paths(
    trees: Sequence[TrajectoryTree],
    *,
    search: Search = "mcts",
    iterations: int = 1000,
    exploration: float = 1.41,
    discount: float = 1.0,
) -> list[Path]:
    """Extract the best path of every tree: by `search_paths`, or by `shortest_paths`.

    Raises:
        UserError: If an argument is out of range.
    """
    check_choice("search", search, Search)
    if search == "value_iteration":
        return shortest_paths(trees, discount=discount)
    return search_paths(trees, iterations=iterations, exploration=exploration)
