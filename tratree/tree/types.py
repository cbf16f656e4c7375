"""The trajectory tree as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tratree.trajectory.types import Step, Task, Trajectory
from tratree.words import counted

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class TrajectoryTree:
    """All trajectories of one task, merged where their beginnings agree (section 3.1).

    Node 0 is the root: the instruction and the first observation. Every other node is an
    execution step (thought, action, observation after the action). Nodes are numbered level by
    level, so a parent comes before its children and siblings are neighbours, ordered by action
    and then by observation. N nodes, T trajectories, S steps of all trajectories together; -1
    means none.

    Attributes:
        trajectories: [T] What was merged, the highest score first.
        actions: The distinct action keys, sorted: the texts, or what they were normalised to.
        observations: The distinct observations of the nodes, sorted.
        parent: [N] int32, -1 at the root.
        depth: [N] int32, 0 at the root: the number of steps from the root to the node.
        action_id: [N] int32, index into `actions`, -1 at the root.
        observation_id: [N] int32, index into `observations`: the representative's observation.
        visits: [N] int32, trajectories through or ending in the node.
        value_sum: [N] float64, the sum of their scores G(e).
        terminal_count: [N] int32, trajectories that end in the node.
        terminal_score_sum: [N] float64, the sum of their scores.
        first_child: [N] int32.
        next_sibling: [N] int32.
        valid: [N] bool, whether the representative's action was possible; True at the root.
        representative: [N] int32, the first of `trajectories` through the node. Its step
            `depth - 1` gives the node its texts and token ids.
        step_node: [S] int32, the node of every step, trajectory after trajectory.
        trajectory_start: [T + 1] int32, where each trajectory's steps begin in `step_node`.
        state: [N] int32, the information state of each node, named by its lowest node: the node
            itself, if nodes are merged by history alone (see `merge_states`).
    """

    trajectories: tuple[Trajectory, ...]
    actions: tuple[str, ...]
    observations: tuple[str, ...]
    parent: Ints
    depth: Ints
    action_id: Ints
    observation_id: Ints
    visits: Ints
    value_sum: Floats
    terminal_count: Ints
    terminal_score_sum: Floats
    first_child: Ints
    next_sibling: Ints
    valid: NDArray[np.bool_]
    representative: Ints
    step_node: Ints
    trajectory_start: Ints
    state: Ints

    @property
    def task(self) -> Task:
        """The task that all trajectories attempted."""
        return self.trajectories[0].task

    @property
    def is_graph(self) -> bool:
        """Whether nodes share an information state."""
        return not np.array_equal(self.state, np.arange(len(self.state)))

    @property
    def mean_score(self) -> Floats:
        """[N] The mean score of the trajectories through or ending in each node."""
        return self.value_sum / self.visits

    @property
    def terminal_mean(self) -> Floats:
        """[N] The mean score of the trajectories that end in each node, 0 where none does."""
        return self.terminal_score_sum / np.maximum(self.terminal_count, 1)

    def __repr__(self) -> str:
        scores = f"{self.trajectories[-1].score:g} to {self.trajectories[0].score:g}"
        return (
            f"<TrajectoryTree of {self.task.task_id}: "
            f"{counted(len(self.trajectories), 'trajectory', 'trajectories')}, "
            f"{counted(len(self.parent), 'node')}, depth {self.depth.max()}, scores {scores}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self._outline(0)}"

    def _outline(self, node: int) -> str:
        """Return a node and what is below it as HTML that opens and closes."""
        if node:
            step = self.step(node)
            said = f"{step.action} → {step.observation}"
        else:
            said = self.trajectories[0].first_observation
        score = f"{self.mean_score[node]:.2f} × {self.visits[node]}"
        below = "".join(self._outline(child) for child in self.children(node))
        opened = " open" if node == 0 else ""
        return (
            f'<details{opened} style="margin-left: 1em"><summary>{score} {escape(said)}</summary>'
            f"{below}</details>"
        )

    def children(self, node: int) -> list[int]:
        """Return the children of `node` in stored order."""
        found = []
        child = int(self.first_child[node])
        while child >= 0:
            found.append(child)
            child = int(self.next_sibling[child])
        return found

    def path(self, node: int) -> tuple[int, ...]:
        """Return the nodes from the root to `node`, both included."""
        nodes = [node]
        while (before := int(self.parent[nodes[-1]])) >= 0:
            nodes.append(before)
        return tuple(reversed(nodes))

    def is_walk(self, nodes: Sequence[int]) -> bool:
        """Return whether `nodes` lead from the root from state to state.

        Each one but the root follows a node that is in the state of the one before it; in a tree
        of histories, that is its parent.
        """
        return (
            len(nodes) > 0
            and nodes[0] == 0
            and all(0 < node < len(self.parent) for node in nodes[1:])
            and all(
                self.state[self.parent[after]] == self.state[before]
                for before, after in pairwise(nodes)
            )
        )

    def is_recorded(self, nodes: Sequence[int]) -> bool:
        """Return whether a walk is the beginning of a trajectory, not stitched of several."""
        return self.path(nodes[-1]) == tuple(nodes)

    def step(self, node: int) -> Step:
        """Return the representative step of a node other than the root."""
        return self.trajectories[self.representative[node]].steps[self.depth[node] - 1]

    def trajectory_nodes(self, index: int) -> tuple[int, ...]:
        """Return the nodes of one of `trajectories`, the root first."""
        start, end = self.trajectory_start[index : index + 2]
        return (0, *self.step_node[start:end].tolist())

    def steps(self, node: int) -> tuple[Step, ...]:
        """Return the steps that all trajectories through a node other than the root took there.

        In the order of `trajectories`, so the representative's comes first.
        """
        places = np.flatnonzero(self.step_node == node)
        owners = np.searchsorted(self.trajectory_start, places, side="right") - 1
        return tuple(
            self.trajectories[owner].steps[place - self.trajectory_start[owner]]
            for owner, place in zip(owners, places, strict=True)
        )

    def thoughts(self, node: int) -> tuple[str, ...]:
        """Return the distinct thoughts before the action of a node other than the root.

        In the order of `trajectories`, the empty thought included where one acted without.
        """
        return tuple(dict.fromkeys(step.thought for step in self.steps(node)))


def assemble(
    trajectories: Sequence[Trajectory],
    actions: Sequence[str],
    parent: Ints,
    action_id: Ints,
    step_node: Ints,
    state: Ints | None = None,
) -> TrajectoryTree:
    """Derive every array of a tree from its links and the nodes of its steps.

    The arguments are as in `TrajectoryTree` and must be consistent with each other; without
    `state`, each node is a state of its own.
    """
    nodes = len(parent)
    lengths = np.array([len(t.steps) for t in trajectories])
    scores = np.array([t.score for t in trajectories])
    start = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.repeat(np.arange(len(trajectories)), lengths)

    last = np.array([step_node[e - 1] if e > s else 0 for s, e in pairwise(start)])

    depth = np.zeros(nodes, np.int32)
    depth[step_node] = np.arange(len(step_node)) - start[owner] + 1
    representative = np.zeros(nodes, np.int32)
    representative[step_node[::-1]] = owner[::-1]
    visits = np.bincount(step_node, minlength=nodes).astype(np.int32)
    visits[0] = len(trajectories)
    value_sum = np.zeros(nodes)
    np.add.at(value_sum, step_node, scores[owner])
    value_sum[0] = scores.sum()
    terminal_score_sum = np.zeros(nodes)
    np.add.at(terminal_score_sum, last, scores)

    first_child = np.full(nodes, -1, np.int32)
    first_child[parent[:0:-1]] = np.arange(1, nodes)[::-1]
    next_sibling = np.full(nodes, -1, np.int32)
    next_sibling[1:-1] = np.where(parent[1:-1] == parent[2:], np.arange(2, nodes), -1)

    steps = [
        trajectories[index].steps[level - 1]
        for index, level in zip(representative[1:], depth[1:], strict=True)
    ]
    shown = [trajectories[0].first_observation, *(step.observation for step in steps)]
    observations = sorted(set(shown))
    observation_id = {text: number for number, text in enumerate(observations)}
    return TrajectoryTree(
        trajectories=tuple(trajectories),
        actions=tuple(actions),
        observations=tuple(observations),
        parent=parent,
        depth=depth,
        action_id=action_id,
        observation_id=np.array([observation_id[text] for text in shown], np.int32),
        visits=visits,
        value_sum=value_sum,
        terminal_count=np.bincount(last, minlength=nodes).astype(np.int32),
        terminal_score_sum=terminal_score_sum,
        first_child=first_child,
        next_sibling=next_sibling,
        valid=np.array([True, *(step.valid for step in steps)]),
        representative=representative,
        step_node=step_node,
        trajectory_start=start.astype(np.int32),
        state=np.arange(nodes, dtype=np.int32) if state is None else state,
    )
