"""A few figures about trees: their size, their shape, and how much they tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tratree.errors import UserError
from tratree.tree.divergence import differing_children, divergence_points
from tratree.tree.types import TrajectoryTree


@dataclass(frozen=True)
class TreeStatistics:
    """Figures of one tree.

    Attributes:
        trajectories: Trajectories merged.
        nodes: Nodes, the root included.
        depth: Steps of the longest trajectory.
        leaves: Nodes without children.
        max_children: The most children of a node.
        divergence_points: Nodes whose children differ in action.
        mixed_divergence_points: Those of them whose children of different actions differ in
            mean score: the ones that give pairs.
        successes: Trajectories that solved the task.
        score: The mean score of the trajectories, in [0, 1].
    """

    trajectories: int
    nodes: int
    depth: int
    leaves: int
    max_children: int
    divergence_points: int
    mixed_divergence_points: int
    successes: int
    score: float


def tree_statistics(tree: TrajectoryTree) -> TreeStatistics:
    """Count the figures of `tree`."""
    score = tree.mean_score
    children = [tree.children(node) for node in range(len(tree.parent))]
    diverging = divergence_points(tree)
    return TreeStatistics(
        trajectories=len(tree.trajectories),
        nodes=len(tree.parent),
        depth=int(tree.depth.max()),
        leaves=sum(not found for found in children),
        max_children=max(len(found) for found in children),
        divergence_points=len(diverging),
        mixed_divergence_points=sum(bool(differing_children(tree, n, score)) for n in diverging),
        successes=sum(t.success for t in tree.trajectories),
        score=float(score[0]),
    )


def forest_statistics(trees: Sequence[TrajectoryTree]) -> dict[str, float | None]:
    """Return figures of all trees of a run, as plain JSON data.

    ``mixed_divergence_share`` is the share of all divergence points that give pairs (None if
    there is none), ``informative_share`` the share of trees with at least one of those,
    ``success_share`` the share of trajectories that solved their task. The other figures are
    means over the trees, apart from the totals ``trees`` and ``trajectories`` and the greatest
    ``max_children``.

    Raises:
        UserError: If there is no tree.
    """
    if not trees:
        raise UserError("there are no trees to describe: explore at least one task")
    found = [tree_statistics(tree) for tree in trees]

    def total(name: str) -> float:
        return sum(getattr(one, name) for one in found)

    diverging = total("divergence_points")
    return {
        "trees": len(found),
        "trajectories": total("trajectories"),
        "nodes": total("nodes") / len(found),
        "depth": total("depth") / len(found),
        "leaves": total("leaves") / len(found),
        "max_children": max(one.max_children for one in found),
        "divergence_points": diverging / len(found),
        "mixed_divergence_share": total("mixed_divergence_points") / diverging
        if diverging
        else None,
        "informative_share": sum(one.mixed_divergence_points > 0 for one in found) / len(found),
        "success_share": total("successes") / total("trajectories"),
        "score": total("score") / len(found),
    }
