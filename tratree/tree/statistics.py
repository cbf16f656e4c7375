"""Figures about trees: their size, their shape, and the paper's three marks of a good tree."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from tratree.errors import UserError
from tratree.tree.divergence import differing_children, divergence_points
from tratree.tree.graph import Graph, make_graphs
from tratree.tree.greedy import SCORE_TOLERANCE
from tratree.tree.types import TrajectoryTree

_FLOATS = ("float", "float | None")
"""Types of figures, as the class below declares them, that are no whole numbers."""


@dataclass(frozen=True)
class TreeStatistics:
    """Figures of one tree.

    The paper asks for three things of a good tree (section 3.1) without giving formulas; here
    they are these. Let a tree have M trajectories of lengths |e|, of which P are different paths,
    and let D be its divergence points, the nodes whose children have two or more actions. A(v)
    are the actions at v, and G(v, a) is the mean score of the trajectories that take a at v.

    - Diversity (breadth) = P / M, in (0, 1]: 1 if no two trajectories are the same path, 1 / M if
      all are.
    - Representativeness (depth) = (1 / M) Σ_e |e|, in steps: how far the trajectories lead, at
      most ``depth``.
    - Informativeness = Σ_{v ∈ D} (|{G(v, a) : a ∈ A(v)}| - 1) / Σ_{v ∈ D} (|A(v)| - 1), in [0, 1]:
      of the alternatives at divergence points the share that has a score of its own. 0 if none
      tells anything, 1 if all scores at each point differ; None without a divergence point.

    Attributes:
        trajectories: M, trajectories merged.
        nodes: Nodes, the root included; of a graph, its states.
        depth: Steps of the longest trajectory.
        width: The most nodes of equal depth.
        leaves: Nodes without children.
        max_children: The most children of a node.
        divergence_points: |D|.
        mixed_divergence_points: Those of them where two children of different actions differ in
            mean score: the ones that give pairs.
        diversity: See above.
        representativeness: See above.
        informativeness: See above.
        fragmentation: The share of the nodes but the root that are there only because their
            observation was not similar to a sibling's after the same action, in [0, 1).
        successes: Trajectories that solved the task.
        score: The mean score of the trajectories, in [0, 1].
    """

    trajectories: int
    nodes: int
    depth: int
    width: int
    leaves: int
    max_children: int
    divergence_points: int
    mixed_divergence_points: int
    diversity: float
    representativeness: float
    informativeness: float | None
    fragmentation: float
    successes: int
    score: float


def tree_statistics(tree: TrajectoryTree) -> TreeStatistics:
    """Count the figures of `tree`; where nodes share states, those of its graph."""
    (graph,) = make_graphs([tree])
    score = graph.mean_score
    children = {state: graph.children(state) for state in graph.states}
    actions = {s: len({*graph.action_id[found].tolist()}) for s, found in children.items()}
    diverging = divergence_points(graph)
    alternatives = sum(actions[state] - 1 for state in diverging)
    told = sum(_distinct_scores(graph, children[state]) - 1 for state in diverging)
    transitions = sum(map(len, children.values()))
    paths = {tree.trajectory_nodes(index) for index in range(len(tree.trajectories))}
    return TreeStatistics(
        trajectories=len(tree.trajectories),
        nodes=len(children),
        depth=int(tree.depth.max()),
        width=int(np.bincount(tree.depth).max()),
        leaves=sum(not found for found in children.values()),
        max_children=max(map(len, children.values())),
        divergence_points=len(diverging),
        mixed_divergence_points=sum(bool(differing_children(graph, n, score)) for n in diverging),
        diversity=len(paths) / len(tree.trajectories),
        representativeness=len(tree.step_node) / len(tree.trajectories),
        informativeness=told / alternatives if alternatives else None,
        fragmentation=(transitions - sum(actions.values())) / max(transitions, 1),
        successes=sum(t.success for t in tree.trajectories),
        score=float(score[0]),
    )


def forest_statistics(trees: Iterable[TrajectoryTree]) -> dict[str, float | None]:
    """Return figures of all trees of a run, as plain JSON data.

    ``mixed_divergence_share`` is the share of all divergence points that give pairs (None if
    there is none), ``informative_share`` the share of trees with at least one of those,
    ``success_share`` the share of trajectories that solved their task, ``fragmentation`` the
    share of all nodes. ``trees`` and ``trajectories`` are totals, ``max_children`` is the
    greatest. The others are means over the trees, ``informativeness`` over those that have a
    divergence point (None if none has).

    Raises:
        UserError: If there is no tree.
    """
    columns = {f.name: array("d" if f.type in _FLOATS else "q") for f in fields(TreeStatistics)}
    informative = 0
    for tree in trees:
        found = vars(tree_statistics(tree))
        informative += found["mixed_divergence_points"] > 0
        for name, value in found.items():
            if value is not None:
                columns[name].append(value)
    count = len(columns["nodes"])
    if not count:
        raise UserError("there are no trees to describe: explore at least one task")

    def total(name: str) -> float:
        return sum(columns[name])

    def mean(name: str) -> float:
        return total(name) / count

    diverging = total("divergence_points")
    informativeness = columns["informativeness"]
    steps = total("nodes") - count
    fragments = zip(columns["fragmentation"], columns["nodes"], strict=True)
    return {
        "trees": count,
        "trajectories": total("trajectories"),
        "nodes": mean("nodes"),
        "depth": mean("depth"),
        "width": mean("width"),
        "leaves": mean("leaves"),
        "max_children": max(columns["max_children"]),
        "divergence_points": diverging / count,
        "mixed_divergence_share": total("mixed_divergence_points") / diverging
        if diverging
        else None,
        "informative_share": informative / count,
        "diversity": mean("diversity"),
        "representativeness": mean("representativeness"),
        "informativeness": sum(informativeness) / len(informativeness) if informativeness else None,
        "fragmentation": sum(share * (nodes - 1) for share, nodes in fragments) / max(steps, 1),
        "success_share": total("successes") / total("trajectories"),
        "score": mean("score"),
    }


def _distinct_scores(graph: Graph, children: Sequence[int]) -> int:
    """Count the different mean scores of the actions that lead to `children`."""
    action = graph.action_id[list(children)]
    means = sorted(
        graph.value_sum[list(children)][action == one].sum()
        / graph.visits[list(children)][action == one].sum()
        for one in np.unique(action)
    )
    return 1 + sum(after - before > SCORE_TOLERANCE for before, after in pairwise(means))
