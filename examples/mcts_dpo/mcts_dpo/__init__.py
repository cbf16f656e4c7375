"""Prefer the MCTS path of each tree to its worst paths: a method in a package of its own."""

from __future__ import annotations

from dataclasses import dataclass

from tratree.config import MethodConfig
from tratree.errors import UserError
from tratree.method_plugins import MethodPlugin
from tratree.plugins import imported_when_called


@dataclass
class MctsDpoSettings(MethodConfig):
    """``method=mcts_dpo``: the keys of all methods, and one more."""

    worst_paths: int = 1
    """Most paths of a tree that its MCTS path is preferred to, the lowest scores first."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: If one is out of its range.
        """
        if self.worst_paths < 1:
            raise UserError(f"method.worst_paths={self.worst_paths} is too small: use 1 or more")


MCTS_DPO = MethodPlugin(
    name="mcts_dpo",
    help="preference of each tree's MCTS path over its worst paths",
    train=imported_when_called("mcts_dpo.stages:mcts_dpo"),
    settings=MctsDpoSettings,
)
