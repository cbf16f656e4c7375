"""The path of each tree or graph, by the search that a run is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tratree.errors import UserError
from tratree.tree.mcts import Path, search_paths
from tratree.tree.types import TrajectoryTree
from tratree.tree.value_iteration import shortest_paths

SearchKind = Literal["mcts", "value_iteration"]


def find_paths(
    trees: Sequence[TrajectoryTree],
    *,
    search: SearchKind = "mcts",
    iterations: int = 1000,
    exploration: float = 1.41,
    discount: float = 1.0,
) -> list[Path]:
    """Extract the best path of every tree.

    Args:
        trees: The trees.
        search: ``mcts`` (`search_paths`) or ``value_iteration`` (`shortest_paths`).
        iterations: Of MCTS, as `exploration`.
        exploration: See there.
        discount: Of value iteration.

    Raises:
        UserError: If an argument is out of range.
    """
    if search == "mcts":
        return search_paths(trees, iterations=iterations, exploration=exploration)
    if search == "value_iteration":
        return shortest_paths(trees, discount=discount)
    raise UserError(f"search={search} is not known: use mcts or value_iteration")
