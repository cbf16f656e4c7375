"""Preference pairs from where trajectories diverge (section 3.2 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Trajectory
from tratree.tree.greedy import SCORE_TOLERANCE, best_continuations, walk
from tratree.tree.types import Floats, TrajectoryTree

Aggregate = Literal["mean", "max"]
Continuation = Literal["end", "next_divergence", "one_step"]


@dataclass(frozen=True)
class Pair:
    """Two continuations of one prefix, as nodes of a tree.

    Attributes:
        prefix: h, from the root to the node where they diverge, both included.
        chosen: σ⁺, starts with a child of the last node of `prefix`.
        rejected: σ⁻, starts with another child, reached by another action.
        chosen_score: The aggregated score of the first node of `chosen`, in [0, 1].
        rejected_score: Likewise of `rejected`; lower.
    """

    prefix: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    chosen_score: float
    rejected_score: float


@dataclass(frozen=True)
class TrajectoryPair:
    """Two trajectories of one task of which one is preferred: τ⁺ and τ⁻.

    Attributes:
        chosen: The preferred one.
        rejected: The other.
        shared_steps: Number of first steps in the shared prefix; equal in both.
    """

    chosen: Trajectory
    rejected: Trajectory
    shared_steps: int


def find_pairs(
    tree: TrajectoryTree,
    *,
    aggregate: Aggregate = "mean",
    min_gap: float = 0.0,
    continuation: Continuation = "end",
    max_pairs_per_divergence: int | None = None,
    max_pairs_per_task: int | None = None,
) -> list[Pair]:
    """Pair the children of every node that differ in action and aggregated score.

    The chosen continuation follows the best child of every node below it, the rejected one the
    worst, with the ties of `best_continuations`. Ending in a node that others pass counts as a
    child there, but is no continuation of its own: nothing was said that could be preferred.
    Children of the same action are not paired: there the environment made the difference.

    Args:
        tree: The tree.
        aggregate: Way in which the scores of the trajectories through a node are put together.
        min_gap: Only pairs whose scores differ by more than this, at least 0.
        continuation: End of both: the ``end`` of a trajectory; the
            ``next_divergence``, the first node below that has pairs itself; or ``one_step``.
        max_pairs_per_divergence: The widest gaps at each node, in stored order among equals;
            None takes all pairs.
        max_pairs_per_task: So that large trees do not outweigh small ones. The widest gap of
            each node comes first, then the second widest of each, and so on; within a turn the
            wider gap, then stored order. None takes all pairs.

    Returns:
        The pairs by the node where they diverge, each node's widest gaps first.

    Raises:
        UserError: If an argument is out of range.
    """
    _check(aggregate, min_gap, continuation, max_pairs_per_divergence, max_pairs_per_task)
    score, end_score = _aggregate(tree, aggregate)
    diverging = {
        node: found[:max_pairs_per_divergence]
        for node in range(len(tree.parent))
        if (found := differing_children(tree, node, score, min_gap))
    }
    kept = _widest_by_turns(diverging, score, max_pairs_per_task)
    best, worst = (_followed(tree, score, end_score, sign) for sign in (1.0, -1.0))
    if continuation == "one_step":
        best[:] = worst[:] = -1
    elif continuation == "next_divergence":
        best[list(diverging)] = worst[list(diverging)] = -1
    return [
        Pair(
            prefix=tree.path(node),
            chosen=walk(best, chosen),
            rejected=walk(worst, rejected),
            chosen_score=float(score[chosen]),
            rejected_score=float(score[rejected]),
        )
        for node, chosen, rejected in kept
    ]


def best_and_worst(
    tree: TrajectoryTree, *, aggregate: Aggregate = "mean", min_gap: float = 0.0
) -> list[Pair]:
    """Pair the path that follows the best child of every node with that of the worst children.

    Args:
        tree: The tree.
        aggregate: Way in which the scores of the trajectories through a node are put together.
        min_gap: Only if the scores where the paths end differ by more than this, at least 0.

    Returns:
        One pair, to the ends of both paths, from where they take different actions; none if one
        path ends within the other, or if they differ by observations alone.

    Raises:
        UserError: If an argument is out of range.
    """
    _check(aggregate, min_gap, "end")
    score, end_score = _aggregate(tree, aggregate)
    best, worst = (walk(_followed(tree, score, end_score, sign), start=0) for sign in (1.0, -1.0))
    shared = sum(a == b for a, b in zip(best, worst, strict=False))
    ends = float(end_score[best[-1]]), float(end_score[worst[-1]])
    if (
        shared == min(len(best), len(worst))
        or tree.action_id[best[shared]] == tree.action_id[worst[shared]]
        or ends[0] - ends[1] <= min_gap + SCORE_TOLERANCE
    ):
        return []
    return [Pair(best[:shared], best[shared:], worst[shared:], *ends)]


def _followed(
    tree: TrajectoryTree, score: Floats, end_score: Floats, sign: float
) -> NDArray[np.int32]:
    """Return the child to follow from each node: the best one, or with a sign of -1 the worst."""
    return best_continuations(
        tree.first_child,
        tree.next_sibling,
        sign * score,
        tree.visits,
        sign * end_score,
        tree.terminal_count,
    )


def divergence_points(tree: TrajectoryTree) -> list[int]:
    """Return the nodes whose children differ in action, in stored order."""
    return [
        node
        for node in range(len(tree.parent))
        if len({*tree.action_id[tree.children(node)].tolist()}) > 1
    ]


def differing_children(
    tree: TrajectoryTree, node: int, score: Floats, min_gap: float = 0.0
) -> list[tuple[int, int]]:
    """Return the (better, worse) children of `node` that differ in action and in score.

    Args:
        tree: The tree.
        node: Node at which they diverge.
        score: [N] The aggregated score of each node.
        min_gap: Their scores differ by more than this.

    Returns:
        The widest gaps first, in stored order among equals.
    """
    children = sorted(tree.children(node), key=lambda child: -score[child])
    pairs = [
        (better, worse)
        for better, worse in combinations(children, 2)
        if tree.action_id[better] != tree.action_id[worse]
        and score[better] - score[worse] > min_gap + SCORE_TOLERANCE
    ]
    return sorted(pairs, key=lambda pair: (-_gap(score, pair), pair))


def unstructured_pairs(
    trajectories: Sequence[Trajectory],
    *,
    seed: int,
    min_gap: float = 0.0,
    max_pairs_per_task: int | None = None,
) -> list[TrajectoryPair]:
    """Draw random pairs of whole trajectories of the same task: the unstructured baseline.

    The one of the higher score is chosen. Any two with different actions whose scores differ by
    more than `min_gap` are a candidate; neither their number nor their order depends on the
    order of `trajectories`.

    Args:
        trajectories: Of any number of tasks.
        seed: Of the draw; every task has its own generator.
        min_gap: At least 0.
        max_pairs_per_task: Number of candidates of a task to draw; None takes all.

    Raises:
        UserError: If an argument is out of range.
    """
    _check("mean", min_gap, "end", max_pairs_per_task)
    ordered = sorted(
        trajectories, key=lambda t: (t.task.task_id, -t.score, canonical_json(t.to_json()))
    )
    pairs = []
    for task_id, of_task in groupby(ordered, key=lambda t: t.task.task_id):
        candidates = [
            TrajectoryPair(better, worse, shared_steps=0)
            for better, worse in combinations(of_task, 2)
            if better.score - worse.score > min_gap + SCORE_TOLERANCE
            and [s.action for s in better.steps] != [s.action for s in worse.steps]
        ]
        key = [seed, crc32(b"unstructured_pairs"), crc32(task_id.encode())]
        drawn = np.random.default_rng(key).permutation(len(candidates))
        pairs += [candidates[index] for index in drawn[:max_pairs_per_task]]
    return pairs


def _gap(score: Floats, pair: tuple[int, int]) -> float:
    """Return by how much the scores of a pair of nodes differ, equal gaps to the last bit."""
    return round(float(score[pair[0]] - score[pair[1]]), 9)


def _widest_by_turns(
    diverging: Mapping[int, Sequence[tuple[int, int]]], score: Floats, limit: int | None
) -> list[tuple[int, int, int]]:
    """Return (node, better child, worse child), at most `limit`, as `find_pairs` chooses."""
    pairs = [
        (turn, -_gap(score, pair), node, *pair)
        for node, found in diverging.items()
        for turn, pair in enumerate(found)
    ]
    kept = sorted(pairs)[:limit]
    return [pair[2:] for pair in sorted(kept, key=lambda pair: (pair[2], pair[0]))]


def _aggregate(tree: TrajectoryTree, aggregate: Aggregate) -> tuple[Floats, Floats]:
    """Return the aggregated scores [N] of passing or ending in, and of ending in each node."""
    if aggregate == "mean":
        return tree.mean_score, tree.terminal_mean
    through = np.zeros(len(tree.parent))
    ending = np.zeros(len(tree.parent))
    for index, trajectory in enumerate(tree.trajectories):
        nodes = tree.trajectory_nodes(index)
        through[list(nodes)] = np.maximum(through[list(nodes)], trajectory.score)
        ending[nodes[-1]] = max(ending[nodes[-1]], trajectory.score)
    return through, ending


def _check(aggregate: str, min_gap: float, continuation: str, *limits: int | None) -> None:
    if aggregate not in ("mean", "max"):
        raise UserError(f"aggregate={aggregate} is not known: use mean or max")
    if continuation not in ("end", "next_divergence", "one_step"):
        raise UserError(
            f"continuation={continuation} is not known: use end, next_divergence or one_step"
        )
    if not min_gap >= 0:
        raise UserError(f"min_gap={min_gap}: use a number from 0")
    for limit in limits:
        if limit is not None and limit < 1:
            raise UserError(f"at most {limit} pairs were asked for: use at least 1, or no limit")
