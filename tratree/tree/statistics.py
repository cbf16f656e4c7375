"""Figures about trees: their size, their shape, and the paper's three marks of a good tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tratree.errors import UserError
from tratree.tree.divergence import differing_children, divergence_points
from tratree.tree.graph import Graph, make_graphs
from tratree.tree.greedy import SCORE_TOLERANCE
from tratree.tree.types import TrajectoryTree


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


def forest_statistics(trees: Sequence[TrajectoryTree]) -> dict[str, float | None]:
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
    if not trees:
        raise UserError("there are no trees to describe: explore at least one task")
    found = [tree_statistics(tree) for tree in trees]

    def total(name: str) -> float:
        return sum(getattr(one, name) for one in found)

    def mean(name: str) -> float:
        return total(name) / len(found)

    diverging = total("divergence_points")
    informativeness = [one.informativeness for one in found if one.informativeness is not None]
    steps = total("nodes") - len(found)
    return {
        "trees": len(found),
        "trajectories": total("trajectories"),
        "nodes": mean("nodes"),
        "depth": mean("depth"),
        "width": mean("width"),
        "leaves": mean("leaves"),
        "max_children": max(one.max_children for one in found),
        "divergence_points": diverging / len(found),
        "mixed_divergence_share": total("mixed_divergence_points") / diverging
        if diverging
        else None,
        "informative_share": sum(one.mixed_divergence_points > 0 for one in found) / len(found),
        "diversity": mean("diversity"),
        "representativeness": mean("representativeness"),
        "informativeness": sum(informativeness) / len(informativeness) if informativeness else None,
        "fragmentation": sum(one.fragmentation * (one.nodes - 1) for one in found) / max(steps, 1),
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
