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
from tratree.tree.graph import Graph, make_graphs
from tratree.tree.greedy import SCORE_TOLERANCE, best_continuations, walk
from tratree.tree.information_states import by_history
from tratree.tree.types import Floats, TrajectoryTree

Aggregate = Literal["mean", "max"]
Continuation = Literal["end", "next_divergence", "one_step"]


@dataclass(frozen=True)
class Pair:
    """Two continuations of one prefix, as nodes of a tree.

    Attributes:
        prefix: h, from the root to the node where they diverge, both included.
        chosen: σ⁺, starts with a child of the last node of `prefix`; in a graph, of any node that
            is in its state.
        rejected: σ⁻, starts with another child, reached by another action.
        chosen_score: The aggregated score of the first node of `chosen`, in [0, 1].
        rejected_score: Likewise of `rejected`; lower, but for `useless_pairs`.
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

    In a graph, the children of a node are the transitions from a state. Both sides begin with one
    history that led to the state: that of a trajectory that took the chosen or the rejected
    action, of one that took both if there is one, else the shorter. A side whose own history is
    another one was never played as it is (`TrajectoryTree.is_recorded`): play it again.

    The chosen continuation follows the best child of every node below it, the rejected one the
    worst, with the ties of `best_continuations`; in a graph, too, it stays in one history. Ending
    in a node that others pass counts as a child there, but is no continuation of its own: nothing
    was said that could be preferred.
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
    (graph,), (histories,) = make_graphs([tree]), make_graphs([by_history(tree)])
    score, _ = aggregated(graph, aggregate)
    diverging = {
        state: found[:max_pairs_per_divergence]
        for state in graph.states
        if (found := differing_children(graph, state, score, min_gap))
    }
    kept = _widest_by_turns(diverging, score, max_pairs_per_task)
    of_node, of_end = aggregated(histories, aggregate)
    best, worst = (_followed(histories, of_node, of_end, sign) for sign in (1.0, -1.0))
    if continuation == "one_step":
        best[:] = worst[:] = -1
    elif continuation == "next_divergence":
        inside = np.isin(tree.state, list(diverging))
        best[inside] = worst[inside] = -1
    pairs = []
    for _, chosen, rejected in kept:
        prefix, *sides = with_history(graph, chosen, rejected, of_node)
        pairs.append(
            Pair(
                prefix=prefix,
                chosen=walk(best, histories.state, sides[0]),
                rejected=walk(worst, histories.state, sides[1]),
                chosen_score=float(score[chosen]),
                rejected_score=float(score[rejected]),
            )
        )
    return pairs


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
    (histories,) = make_graphs([by_history(tree)])
    score, end_score = aggregated(histories, aggregate)
    best, worst = (
        walk(_followed(histories, score, end_score, sign), histories.state, 0)
        for sign in (1.0, -1.0)
    )
    shared = sum(a == b for a, b in zip(best, worst, strict=False))
    ends = float(end_score[best[-1]]), float(end_score[worst[-1]])
    if (
        shared == min(len(best), len(worst))
        or tree.action_id[best[shared]] == tree.action_id[worst[shared]]
        or ends[0] - ends[1] <= min_gap + SCORE_TOLERANCE
    ):
        return []
    return [Pair(best[:shared], best[shared:], worst[shared:], *ends)]


def _followed(graph: Graph, score: Floats, end_score: Floats, sign: float) -> NDArray[np.int32]:
    """Return the child to follow from each node: the best one, or with a sign of -1 the worst."""
    ends = sign * end_score, graph.terminal_count
    return best_continuations(graph, sign * score, graph.visits, *ends)


def with_history(
    graph: Graph, chosen: int, rejected: int, score: Floats
) -> tuple[tuple[int, ...], int, int]:
    """Return the nodes of a history, and those of two transitions that continue it.

    Args:
        graph: The graph of the transitions, which leave one state.
        chosen: A transition; of its nodes, those of the highest score are taken.
        rejected: Likewise those of the lowest.
        score: [N] of each node of the tree.
    """
    candidates = []
    for transition, sign in ((chosen, 1.0), (rejected, -1.0)):
        nodes = np.flatnonzero(graph.transition == transition)
        values = sign * score[nodes]
        candidates.append(nodes[values >= values.max() - SCORE_TOLERANCE].tolist())
    ones, others = candidates
    parent = graph.tree.parent
    one_after = {parent[node]: node for node in reversed(ones)}
    shared = [(one_after[parent[node]], node) for node in others if parent[node] in one_after]
    # Nodes are numbered by depth: the lowest has the shortest history.
    one, other = min(shared) if shared else (ones[0], others[0])
    return graph.tree.path(int(parent[min(one, other)])), one, other


def divergence_points(graph: Graph) -> list[int]:
    """Return the states whose transitions differ in action, in stored order."""
    return [
        state
        for state in graph.states
        if len({*graph.action_id[graph.children(state)].tolist()}) > 1
    ]


def differing_children(
    graph: Graph, state: int, score: Floats, min_gap: float = 0.0
) -> list[tuple[int, int]]:
    """Return the (better, worse) transitions from `state` that differ in action and in score.

    Args:
        graph: The graph, or tree.
        state: State at which they diverge.
        score: [N] The aggregated score of each transition.
        min_gap: Their scores differ by more than this.

    Returns:
        The widest gaps first, in stored order among equals.
    """
    children = sorted(graph.children(state), key=lambda child: -score[child])
    pairs = [
        (better, worse)
        for better, worse in combinations(children, 2)
        if graph.action_id[better] != graph.action_id[worse]
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


def aggregated(graph: Graph, aggregate: Aggregate) -> tuple[Floats, Floats]:
    """Return the aggregated scores [N] of each transition, and of ending in each state."""
    if aggregate == "mean":
        return graph.mean_score, graph.terminal_mean
    tree = graph.tree
    through = np.zeros(len(tree.parent))
    ending = np.zeros(len(tree.parent))
    for index, trajectory in enumerate(tree.trajectories):
        nodes = list(tree.trajectory_nodes(index))
        taken, end = graph.transition[nodes], graph.state[nodes[-1]]
        through[taken] = np.maximum(through[taken], trajectory.score)
        ending[end] = max(ending[end], trajectory.score)
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
