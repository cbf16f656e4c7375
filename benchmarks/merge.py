"""Merging with a sentence encoder: distinct texts in batches against one sentence a call.

The other side does as the paper's procedure reads: trajectory after trajectory goes down the
tree, and wherever a child has the same action, the new observation is encoded by a call of its
own and compared with the child's, which keeps its vector. Both use the same encoder, on one thread
and without vectors from earlier runs. The trees must be equal.

    pip install 'tratree[minilm]'
    python benchmarks/merge.py --tasks 10
    python experiments/trees/play.py scienceworld --output scienceworld.jsonl
    python benchmarks/merge.py --trajectories scienceworld.jsonl --tasks 10

ALFWorld answers an action after the same actions with the same text, so there nothing needs an
encoder. The second file is of a simulator that names objects in varying order.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from exploration import add_arguments, explored_tasks

from tratree.trajectory.types import Trajectory
from tratree.tree import SentenceEmbeddings, TrajectoryTree, build_trees
from tratree.tree.sentence_embeddings import MINILM, load_encoder


@dataclass
class Node:
    """A node of the other side."""

    action: str = ""
    observation: str = ""
    vector: np.ndarray | None = None
    members: list[int] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


class OneSentenceACall:
    """Merges as described above; counts its calls of the encoder."""

    def __init__(self, model: str) -> None:
        self.encoder = load_encoder(model, "cpu")
        self.calls = 0

    def encode(self, text: str) -> np.ndarray:
        """Return the unit vector of one text."""
        self.calls += 1
        return self.encoder.encode([text], normalize_embeddings=True, show_progress_bar=False)[0]

    def merge(self, trajectories: Sequence[Trajectory], xi_sim: float) -> Node:
        """Insert one trajectory after another; the first child that is similar enough is taken."""
        root = Node()
        for number, trajectory in enumerate(trajectories):
            node = root
            node.members.append(number)
            for step in trajectory.steps:
                node = self.child(node, step.action, step.observation, xi_sim)
                node.members.append(number)
        return root

    def child(self, node: Node, action: str, observation: str, xi_sim: float) -> Node:
        """Return the child to go to, a new one if none is similar enough."""
        candidates = [child for child in node.children if child.action == action]
        vector = self.encode(observation) if candidates else None
        for child in candidates:
            if child.vector is None:
                child.vector = self.encode(child.observation)
            if child.vector @ vector >= xi_sim:
                return child
        node.children.append(Node(action, observation, vector))
        return node.children[-1]


def shape_of_objects(root: Node) -> set[tuple[int, tuple[int, ...]]]:
    """Return (depth, trajectories through it) of all nodes."""
    found, level, depth = set(), [root], 0
    while level:
        found |= {(depth, tuple(sorted(node.members))) for node in level}
        level = [child for node in level for child in node.children]
        depth += 1
    return found


def shape(tree: TrajectoryTree, given: Sequence[Trajectory]) -> set[tuple[int, tuple[int, ...]]]:
    """Return the same of a tree, with the numbers that trajectories have in `given`."""
    number = {trajectory: index for index, trajectory in enumerate(given)}
    members: dict[int, list[int]] = {node: [] for node in range(len(tree.parent))}
    for index, trajectory in enumerate(tree.trajectories):
        for node in tree.trajectory_nodes(index):
            members[node].append(number[trajectory])
    return {(int(tree.depth[node]), tuple(sorted(found))) for node, found in members.items()}


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--tasks", type=int, default=10, help="tasks to compare on")
    parser.add_argument("--encoder", default=MINILM)
    parser.add_argument("--xi-sim", type=float, default=0.9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tasks = explored_tasks(arguments)[: arguments.tasks]

    ours = SentenceEmbeddings(arguments.encoder)
    ours.encode(["loads the model"])
    start = time.process_time()
    trees = build_trees(tasks, similarity=ours, xi_sim=arguments.xi_sim)
    our_seconds = time.process_time() - start

    other = OneSentenceACall(arguments.encoder)
    other.encode("loads the model")
    other.calls = 0
    start = time.process_time()
    roots = [other.merge(trajectories, arguments.xi_sim) for trajectories in tasks]
    other_seconds = time.process_time() - start

    for tree, root, trajectories in zip(trees, roots, tasks, strict=True):
        assert shape(tree, trajectories) == shape_of_objects(root), tree.task.task_id
    print(
        json.dumps(
            {
                "benchmark": "merge",
                "ratio": round(other_seconds / our_seconds, 1),
                "tasks": len(tasks),
                "nodes": sum(len(tree.parent) for tree in trees),
                "one_sentence_a_call_cpu_seconds": round(other_seconds, 2),
                "one_sentence_a_call_encodings": other.calls,
                "our_cpu_seconds": round(our_seconds, 3),
                "our_encodings": ours.encoded - 1,
            }
        )
    )


if __name__ == "__main__":
    main()
