"""Trees as graphs: nodes of equal information state are one (`merge_states`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tratree.tree.compiled import compiled
from tratree.tree.types import Floats, Ints, TrajectoryTree


@dataclass(frozen=True, eq=False)
class Graph:
    """The states of a tree and the transitions between them, as arrays over the tree's N nodes.

    A state is named by its lowest node (`TrajectoryTree.state`). A transition leads from a state
    by an action to a state, and is named by the lowest node that it leads to. Entries of nodes
    that name nothing are 0, or -1. In a tree merged by history alone, every node names its state
    and the transition to it, and the arrays are those of the tree.

    Attributes:
        tree: The tree.
        state: [N] int32, `TrajectoryTree.state`: where each transition leads.
        action_id: [N] int32, `TrajectoryTree.action_id`: the action of each transition.
        transition: [N] int32, the transition that leads to each node; the root's is itself.
        first_child: [N] int32, the first transition from each state.
        next_sibling: [N] int32, the transition after each one from the same state.
        visits: [N] int32, the trajectories that take each transition, each counted once.
        value_sum: [N] float64, the sum of their scores.
        terminal_count: [N] int32, the trajectories that end in each state.
        terminal_score_sum: [N] float64, the sum of their scores.
    """

    tree: TrajectoryTree
    state: Ints
    action_id: Ints
    transition: Ints
    first_child: Ints
    next_sibling: Ints
    visits: Ints
    value_sum: Floats
    terminal_count: Ints
    terminal_score_sum: Floats

    @property
    def mean_score(self) -> Floats:
        """[N] The mean score of the trajectories that take each transition."""
        return self.value_sum / np.maximum(self.visits, 1)

    @property
    def terminal_mean(self) -> Floats:
        """[N] The mean score of the trajectories that end in each state, 0 where none does."""
        return self.terminal_score_sum / np.maximum(self.terminal_count, 1)

    @property
    def states(self) -> list[int]:
        """The states, in ascending order."""
        return np.unique(self.state).tolist()

    def children(self, state: int) -> list[int]:
        """Return the transitions from `state` in ascending order."""
        found = []
        child = int(self.first_child[state])
        while child >= 0:
            found.append(child)
            child = int(self.next_sibling[child])
        return found

    def recorded(self, transitions: Sequence[int]) -> tuple[int, ...]:
        """Return nodes of `transitions`, in one history as far as one has them.

        Args:
            transitions: One after another, from state to state; the first is itself a node.

        Returns:
            The first, then for each transition the child of the node before it, if one is of that
            transition, else the transition's own, lowest node.
        """
        nodes = [transitions[0]]
        for transition in transitions[1:]:
            below = self.tree.children(nodes[-1])
            of_it = [node for node in below if self.transition[node] == transition]
            nodes.append(of_it[0] if of_it else transition)
        return tuple(nodes)


def make_graphs(trees: Sequence[TrajectoryTree]) -> list[Graph]:
    """Return the graph of each tree; all are made in one compiled call."""
    if not trees:
        return []
    starts = node_starts(trees)
    arrays = {
        **{name: np.full(starts[-1], -1, np.int32) for name in ("first_child", "next_sibling")},
        **{name: np.zeros(starts[-1], np.int32) for name in ("visits", "terminal_count")},
        **{name: np.zeros(starts[-1]) for name in ("value_sum", "terminal_score_sum")},
    }
    state = joined(trees, starts, "state")
    transition = _transitions(
        joined(trees, starts, "parent"),
        np.concatenate([tree.action_id for tree in trees]),
        state,
        joined(trees, starts, "step_node"),
        np.concatenate([np.diff(tree.trajectory_start) for tree in trees]),
        np.repeat(starts[:-1], [len(tree.trajectories) for tree in trees]),
        np.array([t.score for tree in trees for t in tree.trajectories]),
        *arrays.values(),
    )
    links = {"transition": transition} | {
        name: arrays.pop(name) for name in ("first_child", "next_sibling")
    }
    graphs = []
    for tree, start, end in zip(trees, starts, starts[1:], strict=False):
        graph = Graph(
            tree=tree,
            state=tree.state,
            action_id=tree.action_id,
            **{n: np.maximum(array[start:end] - start, -1) for n, array in links.items()},
            **{name: array[start:end] for name, array in arrays.items()},
        )
        graph.visits[0], graph.value_sum[0] = tree.visits[0], tree.value_sum[0]
        graphs.append(graph)
    return graphs


def node_starts(trees: Sequence[TrajectoryTree]) -> Ints:
    """Return where the nodes of each tree begin among those of all, and their number."""
    return np.cumsum([0, *(len(tree.parent) for tree in trees)], dtype=np.int32)


def joined(trees: Sequence[TrajectoryTree | Graph], starts: Ints, name: str) -> Ints:
    """Return an array of nodes of all trees or graphs, numbered through."""
    parts = [getattr(tree, name) for tree in trees]
    return np.concatenate(
        [
            np.where(part >= 0, part + start, np.int32(-1))
            for part, start in zip(parts, starts, strict=False)
        ]
    )


@compiled
def _transitions(
    parent: Ints,
    action_id: Ints,
    state: Ints,
    step_node: Ints,
    lengths: Ints,
    roots: Ints,
    scores: Floats,
    first_child: Ints,
    next_sibling: Ints,
    visits: Ints,
    terminal_count: Ints,
    value_sum: Floats,
    terminal_score_sum: Floats,
) -> Ints:
    """Return the transition to each node, and fill the last six arrays; see `Graph`.

    Args:
        parent: [N] as `action_id` and `state`, of all trees, numbered through.
        action_id: See above.
        state: See above.
        step_node: [S] of all trees.
        lengths: [T] of all trajectories, in steps.
        roots: [T] the root of the tree of each.
        scores: [T]
        first_child: [N] -1, as `next_sibling`.
        next_sibling: See above.
        visits: [N] zeros, as the others.
        terminal_count: See above.
        value_sum: See above.
        terminal_score_sum: See above.
    """
    nodes = len(parent)
    size = 2
    while size < 2 * nodes:
        size *= 2
    table = np.full(size, -1, np.int32)
    transition = np.arange(nodes).astype(np.int32)
    last_child = np.full(nodes, -1, np.int32)
    for node in range(nodes):
        if parent[node] < 0:
            continue
        before = state[parent[node]]
        code = (np.int64(before) * 1000003 + action_id[node]) * 1000003 + state[node]
        code *= 1099511628211
        code ^= code >> 29
        place = code & (size - 1)
        while True:
            other = table[place]
            if other < 0:
                table[place] = node
                if first_child[before] < 0:
                    first_child[before] = node
                else:
                    next_sibling[last_child[before]] = node
                last_child[before] = node
                break
            if (
                state[parent[other]] == before
                and action_id[other] == action_id[node]
                and state[other] == state[node]
            ):
                transition[node] = other
                break
            place = (place + 1) & (size - 1)
    latest = np.full(nodes, -1, np.int32)
    step = 0
    for trajectory in range(len(lengths)):
        end = roots[trajectory]
        for _ in range(lengths[trajectory]):
            end = step_node[step]
            step += 1
            taken = transition[end]
            if latest[taken] != trajectory:
                latest[taken] = trajectory
                visits[taken] += 1
                value_sum[taken] += scores[trajectory]
        terminal_count[state[end]] += 1
        terminal_score_sum[state[end]] += scores[trajectory]
    return transition
