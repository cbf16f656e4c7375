"""Data of the page: the trees as compact JSON, every distinct text once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tratree.tree.divergence import differing_children, divergence_points
from tratree.tree.graph import make_graphs
from tratree.tree.mcts import Path
from tratree.tree.types import Floats, TrajectoryTree

_DECIMALS = 6


def page_data(trees: Sequence[TrajectoryTree], paths: Sequence[Path]) -> dict[str, Any]:
    """Return ``{"texts": [...], "trees": [...]}`` as JSON data.

    Texts are named by their index in ``texts``. A tree of N nodes, T trajectories and S steps
    has the fields of `TrajectoryTree` of the same names, and

    - ``task``: id, split, type and instruction, as texts; ``first``: the first observation
    - ``score``: [N] mean scores; ``end_score``: [N] of the trajectories that end there
    - ``divergence``: [N] 2 where children of different actions differ in mean score, 1 where
      they only differ in action, 0 elsewhere
    - ``path``, ``path_score``: the MCTS path's nodes and value
    - ``trajectories``: [T] of sample, score, success, finished, source
    - ``state``, only of graphs: [N] the lowest node of equal information state
    - ``step_thought``, ``step_action``, ``step_observation``: [S] texts, beside ``step_node``
    """
    number_of: dict[str, int] = {}

    def number(text: str) -> int:
        return number_of.setdefault(text, len(number_of))

    found = []
    for tree, path in zip(trees, paths, strict=True):
        steps = [step for trajectory in tree.trajectories for step in trajectory.steps]
        task = tree.task
        found.append(
            {
                "task": [
                    number(text)
                    for text in (task.task_id, task.split, task.task_type, task.instruction)
                ],
                "first": number(tree.trajectories[0].first_observation),
                "parent": tree.parent.tolist(),
                "visits": tree.visits.tolist(),
                "score": _rounded(tree.mean_score),
                **({"state": tree.state.tolist()} if tree.is_graph else {}),
                "terminal_count": tree.terminal_count.tolist(),
                "end_score": _rounded(tree.terminal_mean),
                "divergence": _divergence(tree),
                "path": list(path.nodes),
                "path_score": round(path.value, _DECIMALS),
                "trajectories": [
                    [t.sample, round(t.score, _DECIMALS), t.success, t.finished, number(t.source)]
                    for t in tree.trajectories
                ],
                "trajectory_start": tree.trajectory_start.tolist(),
                "step_node": tree.step_node.tolist(),
                "step_thought": [number(step.thought) for step in steps],
                "step_action": [number(step.action) for step in steps],
                "step_observation": [number(step.observation) for step in steps],
            }
        )
    return {"texts": list(number_of), "trees": found}


def _divergence(tree: TrajectoryTree) -> list[int]:
    marks = [0] * len(tree.parent)
    (graph,) = make_graphs([tree])
    score = graph.mean_score
    for state in divergence_points(graph):
        mark = 2 if differing_children(graph, state, score) else 1
        for node in np.flatnonzero(tree.state == state):
            marks[node] = mark
    return marks


def _rounded(values: Floats) -> list[float]:
    return np.round(values, _DECIMALS).tolist()
