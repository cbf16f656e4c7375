"""Prefer the MCTS path of each tree to its worst paths: a method in a package of its own."""

from __future__ import annotations

from tratree.method_plugins import MethodPlugin
from tratree.plugins import imported_when_called
from tratree.settings import Count, settings
from tratree.stages.settings import MethodSettings


@settings
class MctsDpoSettings(MethodSettings):
    """``method=mcts_dpo``: the keys of all methods, and one more."""

    worst_paths: Count = 1
    """Most paths of a tree that its MCTS path is preferred to, the lowest scores first."""


MCTS_DPO = MethodPlugin(
    name="mcts_dpo",
    help="preference of each tree's MCTS path over its worst paths",
    train=imported_when_called("mcts_dpo.stages:mcts_dpo"),
    settings=MctsDpoSettings,
)
