"""Merging trajectories into a tree (section 3.1 of the paper), whatever their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Trajectory
from tratree.tree.similarity import Similarity
from tratree.tree.types import TrajectoryTree, assemble


def fold_case_and_spaces(action: str) -> str:
    """Return `action` without differences of case and spacing."""
    return " ".join(action.casefold().split())


def build_tree(
    trajectories: Sequence[Trajectory],
    *,
    similarity: Similarity,
    xi_sim: float = 0.9,
    action_match: Literal["exact", "normalised"] = "exact",
    normalise: Callable[[str], str] = fold_case_and_spaces,
) -> TrajectoryTree:
    """Merge the trajectories of one task; the order in which they are given changes nothing.

    Trajectories that share a node and take the same action next share the next node too if
    their observations are alike. Two observations are alike if they are equal, or if a chain of
    observations leads from one to the other in which neighbours have a cosine of at least
    `xi_sim` (connected components). The paper reuses the first child that is similar enough,
    which depends on the order of insertion; both agree wherever similarity is transitive.

    Args:
        trajectories: At least one. Duplicates count as visits.
        similarity: Gives observations their vectors; asked only where texts differ.
        xi_sim: The threshold ξ_sim in [0, 1].
        action_match: Whether actions are compared as they are or after `normalise`.
        normalise: What makes two actions the same under ``normalised``.

    Raises:
        UserError: If there is no trajectory, the tasks or first observations differ, a score
            is outside [0, 1], or a setting is not one of those above.
    """
    _check(trajectories, xi_sim, action_match)
    action_key = normalise if action_match == "normalised" else str
    ordered = sorted(trajectories, key=lambda t: (-t.score, canonical_json(t.to_json())))

    nodes = [_Node(parent=-1, action="", members=list(range(len(ordered))))]
    level = range(1)
    depth = 0
    while level:
        groups = []
        for number in level:
            by_action = defaultdict(list)
            for index in nodes[number].members:
                if depth < len(ordered[index].steps):
                    by_action[action_key(ordered[index].steps[depth].action)].append(index)
            groups += [_Node(number, *item) for item in sorted(by_action.items())]
        observations = [t.steps[depth].observation if depth < len(t.steps) else "" for t in ordered]
        first_of_level = len(nodes)
        nodes += _split_by_observation(groups, observations, similarity, xi_sim)
        level = range(first_of_level, len(nodes))
        depth += 1

    actions = sorted({node.action for node in nodes[1:]})
    action_id = {action: number for number, action in enumerate(actions)}
    steps: list[list[int]] = [[] for _ in ordered]
    for number, node in enumerate(nodes[1:], start=1):
        for index in node.members:
            steps[index].append(number)
    return assemble(
        trajectories=ordered,
        actions=actions,
        parent=np.array([node.parent for node in nodes], np.int32),
        action_id=np.array([-1, *(action_id[node.action] for node in nodes[1:])], np.int32),
        step_node=np.array([number for of_one in steps for number in of_one], np.int32),
    )


@dataclass(frozen=True)
class _Node:
    """A node under way: its parent's number, its action key, the trajectories through it."""

    parent: int
    action: str
    members: list[int]


def _split_by_observation(
    groups: Sequence[_Node], observations: Sequence[str], similarity: Similarity, xi_sim: float
) -> list[_Node]:
    """Split each group of a level where the observations of its members are not alike."""
    by_text: list[dict[str, list[int]]] = []
    for group in groups:
        showing = defaultdict(list)
        for index in group.members:
            showing[observations[index]].append(index)
        by_text.append(dict(sorted(showing.items())))
    differing = sorted({text for members in by_text if len(members) > 1 for text in members})
    row = {text: number for number, text in enumerate(differing)}
    vectors = similarity.encode(differing) if differing else np.empty((0, 0), np.float32)

    split = []
    for group, members in zip(groups, by_text, strict=True):
        if len(members) == 1:
            split.append(group)
            continue
        of_group = vectors[[row[text] for text in members]].astype(np.float64)
        clusters: dict[int, list[int]] = defaultdict(list)
        for label, indices in zip(
            _components(of_group @ of_group.T >= xi_sim), members.values(), strict=True
        ):
            clusters[label] += indices
        split += [_Node(group.parent, group.action, sorted(c)) for c in clusters.values()]
    return split


def _components(alike: NDArray[np.bool_]) -> list[int]:
    """Return for every row of a relation [n, n] the lowest row it is connected to."""
    linked = alike | alike.T | np.eye(len(alike), dtype=bool)
    labels = np.arange(len(alike))
    while True:
        lowest = np.where(linked, labels, len(alike)).min(axis=1)
        if np.array_equal(lowest, labels):
            return labels.tolist()
        labels = lowest


def _check(trajectories: Sequence[Trajectory], xi_sim: float, action_match: str) -> None:
    if not 0 <= xi_sim <= 1:
        raise UserError(f"xi_sim={xi_sim} is not a cosine threshold: use a number from 0 to 1")
    if action_match not in ("exact", "normalised"):
        raise UserError(f"action_match={action_match} is not known: use exact or normalised")
    if not trajectories:
        raise UserError("a tree needs at least one trajectory: explore the task first")
    task, first_observation = trajectories[0].task, trajectories[0].first_observation
    for trajectory in trajectories:
        if trajectory.task != task:
            raise UserError(
                f"a tree holds one task, not both {task.task_id} and "
                f"{trajectory.task.task_id}: group the trajectories by task"
            )
        if trajectory.first_observation != first_observation:
            raise UserError(
                f"trajectories of task {task.task_id} start with different observations: the "
                "environment must reset a task to one state"
            )
        if not 0 <= trajectory.score <= 1:
            raise UserError(
                f"sample {trajectory.sample} of task {task.task_id} has the score "
                f"{trajectory.score}: scores go from 0 to 1"
            )
