"""MCTS's path against the best trajectory of a tree and the greedy walk on its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tratree.errors import UserError
from tratree.tree.graph import make_graphs
from tratree.tree.greedy import SCORE_TOLERANCE, best_continuations, walk
from tratree.tree.mcts import Path
from tratree.tree.types import TrajectoryTree


@dataclass(frozen=True)
class PathComparison:
    """Shares of trees in which MCTS's paths differ from the alternatives.

    A path equals the best trajectory if it is the path of any of those with the highest score.
    Where all trajectories of a tree have one score, every path is as good as any other, and that
    two of them differ means nothing.

    Attributes:
        trees: Number of trees.
        equal_scores: The share of trees whose trajectories all have one score.
        mcts_score: The mean score of MCTS's paths, in [0, 1], as the others.
        best_score: Of the best trajectory of each tree.
        greedy_score: Of the greedy walk on the data means.
        mean_score: Of all trajectories of a tree: what a random one of them has.
        differs_from_best: The share of trees in which MCTS's path is not the best trajectory's.
        below_best: The share in which its score is lower, too.
        differs_from_greedy: The share of trees in which MCTS's path is not the greedy walk's.
        below_greedy: The share in which its score is lower.
        above_greedy: The share in which its score is higher.
    """

    trees: int
    equal_scores: float
    mcts_score: float
    best_score: float
    greedy_score: float
    mean_score: float
    differs_from_best: float
    below_best: float
    differs_from_greedy: float
    below_greedy: float
    above_greedy: float


def best_paths(tree: TrajectoryTree) -> list[Path]:
    """Return the paths of the trajectories with the highest score, the shortest first."""
    highest = tree.trajectories[0].score
    nodes = {
        tree.trajectory_nodes(index)
        for index, trajectory in enumerate(tree.trajectories)
        if trajectory.score >= highest - SCORE_TOLERANCE
    }
    return [Path(path, highest) for path in sorted(nodes, key=lambda path: (len(path), path))]


def greedy_path(tree: TrajectoryTree) -> Path:
    """Return the walk to the child of the highest mean score, without any search.

    Ties are broken as in `best_continuations`.
    """
    (graph,) = make_graphs([tree])
    choice = best_continuations(
        graph.first_child,
        graph.next_sibling,
        graph.state,
        graph.mean_score,
        graph.visits,
        graph.terminal_mean,
        graph.terminal_count,
    )
    nodes = graph.recorded(walk(choice, graph.state, 0))
    return Path(nodes, float(graph.terminal_mean[graph.state[nodes[-1]]]))


def compare_paths(trees: Sequence[TrajectoryTree], found: Sequence[Path]) -> PathComparison:
    """Compare the path that MCTS found in each tree with the best and the greedy one.

    Raises:
        UserError: If there is no tree.
    """
    if not trees:
        raise UserError("there are no trees to compare paths in: explore at least one task")
    best = [best_paths(tree) for tree in trees]
    greedy = [greedy_path(tree) for tree in trees]

    def share(events: Sequence[bool]) -> float:
        return sum(events) / len(trees)

    def above(ones: Sequence[Path], others: Sequence[Path]) -> list[bool]:
        return [
            one.value > other.value + SCORE_TOLERANCE
            for one, other in zip(ones, others, strict=True)
        ]

    highest = [paths[0] for paths in best]
    return PathComparison(
        trees=len(trees),
        equal_scores=share(
            [
                tree.trajectories[0].score - tree.trajectories[-1].score <= SCORE_TOLERANCE
                for tree in trees
            ]
        ),
        mcts_score=sum(path.value for path in found) / len(trees),
        best_score=sum(path.value for path in highest) / len(trees),
        greedy_score=sum(path.value for path in greedy) / len(trees),
        mean_score=float(sum(tree.mean_score[0] for tree in trees)) / len(trees),
        differs_from_best=share(
            [
                path.nodes not in {one.nodes for one in paths}
                for path, paths in zip(found, best, strict=True)
            ]
        ),
        below_best=share(above(highest, found)),
        differs_from_greedy=share(
            [path.nodes != other.nodes for path, other in zip(found, greedy, strict=True)]
        ),
        below_greedy=share(above(greedy, found)),
        above_greedy=share(above(found, greedy)),
    )
