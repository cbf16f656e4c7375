"""MCTS's path against the best trajectory of a tree and the greedy walk on its data."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tratree.errors import UserError
from tratree.tree.graph import make_graphs
from tratree.tree.greedy import SCORE_TOLERANCE, best_continuations
from tratree.tree.mcts import Path, path_of
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
    ends = graph.terminal_mean, graph.terminal_count
    return path_of(graph, best_continuations(graph, graph.mean_score, graph.visits, *ends))


class PathCounts:
    """Counts of a `PathComparison`, tree after tree; neither trees nor paths are kept."""

    def __init__(self) -> None:
        self._values = {name: array("d") for name in ("mcts", "best", "greedy")}
        self._means = 0.0
        self._events: Counter[str] = Counter()

    def add(self, tree: TrajectoryTree, path: Path) -> None:
        """Count a tree and the path that MCTS found in it."""
        best, greedy = best_paths(tree), greedy_path(tree)
        for name, found in (("mcts", path), ("best", best[0]), ("greedy", greedy)):
            self._values[name].append(found.value)
        self._means += float(tree.mean_score[0])
        highest, lowest = tree.trajectories[0].score, tree.trajectories[-1].score
        self._events += Counter(
            equal_scores=highest - lowest <= SCORE_TOLERANCE,
            differs_from_best=path.nodes not in {one.nodes for one in best},
            below_best=_above(best[0], path),
            differs_from_greedy=path.nodes != greedy.nodes,
            below_greedy=_above(greedy, path),
            above_greedy=_above(path, greedy),
        )

    def comparison(self) -> PathComparison:
        """Return what was counted.

        Raises:
            UserError: If there was no tree.
        """
        count = len(self._values["mcts"])
        if not count:
            raise UserError("there are no trees to compare paths in: explore at least one task")
        shares = (
            *("equal_scores", "differs_from_best", "below_best"),
            *("differs_from_greedy", "below_greedy", "above_greedy"),
        )
        return PathComparison(
            trees=count,
            mean_score=self._means / count,
            **{f"{name}_score": sum(found) / count for name, found in self._values.items()},
            **{name: self._events[name] / count for name in shares},
        )


def compare_paths(trees: Iterable[TrajectoryTree], found: Iterable[Path]) -> PathComparison:
    """Compare the path that MCTS found in each tree with the best and the greedy one.

    Raises:
        UserError: If there is no tree.
    """
    counts = PathCounts()
    for tree, path in zip(trees, found, strict=True):
        counts.add(tree, path)
    return counts.comparison()


def _above(one: Path, other: Path) -> bool:
    return one.value > other.value + SCORE_TOLERANCE
