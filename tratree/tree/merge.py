"""Merging trajectories into a tree (section 3.1 of the paper), whatever their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.trajectory.types import Step, Trajectory
from tratree.tree.similarity import Similarity
from tratree.tree.types import TrajectoryTree, assemble


def build_tree(
    trajectories: Sequence[Trajectory],
    *,
    similarity: Similarity,
    xi_sim: float = 0.9,
    action_key: Callable[[str], str] = str,
) -> TrajectoryTree:
    """Merge the trajectories of one task; see `build_trees`."""
    (tree,) = build_trees(
        [trajectories], similarity=similarity, xi_sim=xi_sim, action_key=action_key
    )
    return tree


def build_trees(
    tasks: Iterable[Sequence[Trajectory]],
    *,
    similarity: Similarity,
    xi_sim: float = 0.9,
    action_key: Callable[[str], str] = str,
    shown: Callable[[Step], str] = lambda step: step.observation,
    report: Callable[[int], None] = lambda finished: None,
) -> list[TrajectoryTree]:
    """Merge the trajectories of each task; the order in which they are given changes nothing.

    Trajectories that share a node and take the same action next share the next node too if
    their observations are alike. Two observations are alike if they are equal, or if a chain of
    observations leads from one to the other in which neighbours have a cosine of at least
    `xi_sim` (connected components). The paper reuses the first child that is similar enough,
    which depends on the order of insertion; both agree wherever similarity is transitive.

    The trees grow side by side, level by level, so that `similarity` is asked once a level for
    all of them.

    Args:
        tasks: The trajectories of each task, at least one. Duplicates count as visits.
        similarity: Compares observations; asked only where texts differ.
        xi_sim: The threshold ξ_sim in [0, 1].
        action_key: Actions of the same key are the same action. By default the key is the text;
            each environment has a rule that folds what it treats as equal.
        shown: Part of a step that is compared; by default its observation.
        report: Called after each level with the number of trees that are complete.

    Returns:
        The trees in the order of `tasks`.

    Raises:
        UserError: If there is no trajectory, the tasks or first observations differ, a score
            is outside [0, 1], or `xi_sim` is.
    """
    if not 0 <= xi_sim <= 1:
        raise UserError(f"xi_sim={xi_sim} is not a cosine threshold: use a number from 0 to 1")
    growing = [_GrowingTree(trajectories, shown) for trajectories in tasks]
    open_trees = growing
    while open_trees:
        groups = [tree.next_groups(action_key) for tree in open_trees]
        differing = [group for of_tree in groups for group in of_tree if len(group.showing) > 1]
        found = similarity.cosines([list(group.showing) for group in differing])
        for group, cosines in zip(differing, found, strict=True):
            group.clusters = _components(cosines >= xi_sim)
        for tree, of_tree in zip(open_trees, groups, strict=True):
            tree.add_level([node for group in of_tree for node in group.nodes()])
        open_trees = [tree for tree in open_trees if tree.level]
        report(len(growing) - len(open_trees))
    return [tree.finish() for tree in growing]


@dataclass(frozen=True)
class _Node:
    """A node under way: its parent's number, its action key, the trajectories through it."""

    parent: int
    action: str
    members: list[int]


@dataclass
class _Group:
    """The members of a node that take the same action next.

    `showing` holds them by what they then observe, sorted; `clusters` a label for each of those.
    """

    parent: int
    action: str
    showing: dict[str, list[int]]
    clusters: list[int] = field(default_factory=lambda: [0])

    def nodes(self) -> list[_Node]:
        """Return a node for each cluster of observations."""
        members: dict[int, list[int]] = defaultdict(list)
        for label, indices in zip(self.clusters, self.showing.values(), strict=True):
            members[label] += indices
        return [_Node(self.parent, self.action, sorted(m)) for m in members.values()]


class _GrowingTree:
    """The tree of one task, one level deeper with each `add_level`."""

    def __init__(self, trajectories: Sequence[Trajectory], shown: Callable[[Step], str]) -> None:
        _check(trajectories)
        self.trajectories = sorted(trajectories, key=_order)
        self.nodes = [_Node(parent=-1, action="", members=list(range(len(trajectories))))]
        self.level = range(1)
        self.depth = 0
        self._shown = shown

    def next_groups(self, action_key: Callable[[str], str]) -> list[_Group]:
        """Return who continues from the deepest level, by node and then by action."""
        groups = []
        for number in self.level:
            by_action: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for index in self.nodes[number].members:
                if self.depth < len(self.trajectories[index].steps):
                    step = self.trajectories[index].steps[self.depth]
                    by_action[action_key(step.action)][self._shown(step)].append(index)
            groups += [
                _Group(number, action, dict(sorted(showing.items())))
                for action, showing in sorted(by_action.items())
            ]
        return groups

    def add_level(self, nodes: list[_Node]) -> None:
        """Make `nodes` the deepest level."""
        self.level = range(len(self.nodes), len(self.nodes) + len(nodes))
        self.nodes += nodes
        self.depth += 1

    def finish(self) -> TrajectoryTree:
        """Return the whole tree."""
        actions = sorted({node.action for node in self.nodes[1:]})
        action_id = {action: number for number, action in enumerate(actions)}
        steps: list[list[int]] = [[] for _ in self.trajectories]
        for number, node in enumerate(self.nodes[1:], start=1):
            for index in node.members:
                steps[index].append(number)
        return assemble(
            trajectories=self.trajectories,
            actions=actions,
            parent=np.array([node.parent for node in self.nodes], np.int32),
            action_id=np.array([-1, *(action_id[n.action] for n in self.nodes[1:])], np.int32),
            step_node=np.array([number for of_one in steps for number in of_one], np.int32),
        )


def _order(trajectory: Trajectory) -> tuple[Any, ...]:
    """Return what sorts the trajectories of a task; equal for equal ones only."""
    steps = [
        (s.action, s.observation, s.thought, s.token_ids, s.inserted) for s in trajectory.steps
    ]
    t = trajectory
    return (-t.score, t.finished, t.sample, t.source, steps, t.success)


def _components(alike: NDArray[np.bool_]) -> list[int]:
    """Return for every row of a relation [n, n] a number, the same for rows that are connected."""
    if not (
        alike & ~np.eye(len(alike), dtype=bool)
    ).any():  # as of exact texts: scipy is not needed
        return list(range(len(alike)))
    from scipy.sparse.csgraph import connected_components

    labels: NDArray[np.int32] = connected_components(alike, directed=False)[1]
    return labels.tolist()


def _check(trajectories: Sequence[Trajectory]) -> None:
    if isinstance(trajectories, Trajectory | str):  # of a flat list, or a key of a dictionary
        raise UserError("trees are built of a list of trajectories for each task: group them by it")
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
