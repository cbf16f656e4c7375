"""A drawing of a trajectory tree."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import rc_context
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tratree.report.colours import INK, score_colours
from tratree.report.html import AS_WRITTEN, WIDTH
from tratree.tree.types import TrajectoryTree

TITLE_WIDTH = 80


def trees_to_draw(trees: Sequence[TrajectoryTree], count: int) -> list[TrajectoryTree]:
    """Return the first trees of tasks with different scores; others where there are too few."""
    return sorted(trees, key=lambda tree: len({t.score for t in tree.trajectories}) < 2)[:count]


@rc_context(AS_WRITTEN)
def draw_tree(tree: TrajectoryTree, path: Sequence[int] = ()) -> Figure:
    """Draw a tree from left to right: width of an edge by visits, colour by mean score.

    A node is in the middle of the leaves below it. Colours go from 0 to 1 on a scale that
    colour-blind readers can tell apart.

    Args:
        tree: The tree.
        path: Nodes of the path that MCTS finds, which gets a dark edge.
    """
    place = _vertical_places(tree)
    figure = Figure(figsize=(WIDTH, max(2.2, 0.18 * (place.max() + 2))), layout="constrained")
    axes = figure.subplots()
    nodes = np.arange(1, len(tree.parent))
    parents = tree.parent[nodes]
    ends = [
        [(tree.depth[parent], place[parent]), (tree.depth[node], place[node])]
        for node, parent in zip(nodes, parents, strict=True)
    ]
    widths = 1.2 + 1.2 * np.log2(tree.visits[nodes])
    on_path = np.isin(nodes, np.asarray(path, np.int64))
    cased = [ends[n] for n in np.flatnonzero(on_path)]
    axes.add_collection(
        LineCollection(cased, linewidths=widths[on_path] + 3, colors=INK, capstyle="round")
    )
    edges = LineCollection(ends, linewidths=widths, cmap=score_colours(), capstyle="round")
    edges.set_array(tree.mean_score[nodes])
    edges.set_clim(0, 1)
    axes.add_collection(edges)
    ending = np.flatnonzero(tree.terminal_count)
    axes.scatter(tree.depth[ending], place[ending], s=12, color=INK, zorder=3)
    axes.set(xlabel="step", yticks=[])
    axes.set_title(fill(tree.task.instruction, TITLE_WIDTH), fontsize="medium")
    axes.autoscale()
    figure.colorbar(edges, label="mean score")
    return figure


def _vertical_places(tree: TrajectoryTree) -> np.ndarray:
    """[N] Leaves one below the other, depth first; an inner node in the middle of its children."""
    children: list[list[int]] = [[] for _ in tree.parent]
    for node, parent in enumerate(tree.parent.tolist()):
        if parent >= 0:
            children[parent].append(node)
    place = np.zeros(len(tree.parent))
    leaves = 0
    stack = [0]
    while stack:
        node = stack.pop()
        if not children[node]:
            place[node] = leaves
            leaves += 1
        stack.extend(reversed(children[node]))
    # A parent has a lower number than its children.
    for node in reversed(range(len(tree.parent))):
        if children[node]:
            place[node] = np.mean(place[children[node]])
    return place
