"""MCTS on real trees: the compiled search over flat arrays against plain Python objects.

Both search the same trees with the same number of iterations; the visit counts and value sums of
all nodes must be equal. The compiled search then runs over as many trees as the released games
have training tasks, made by taking the real ones again and again.

    python benchmarks/mcts.py
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice, product
from typing import Any

from exploration import add_arguments, explored_tasks

from tratree.tree import CharacterNgrams, TrajectoryTree, build_trees, search

OFFICIAL_TASKS = 3553


@dataclass
class Node:
    """A node as an object; an end is a child without children."""

    score: float | None = None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    visits: int = 0
    value: float = 0.0

    def best_child(self, exploration: float) -> Node:
        """Return the child with the largest UCB."""
        visits = sum(child.visits for child in self.children)

        def bound(child: Node) -> float:
            if child.visits == 0:
                return math.inf
            return child.value / child.visits + exploration * math.sqrt(
                math.log(visits) / child.visits
            )

        return max(self.children, key=bound)


def objects(tree: TrajectoryTree) -> list[Node]:
    """Return a tree's nodes as objects, in stored order."""
    nodes = [Node() for _ in tree.parent]
    for number, node in enumerate(nodes):
        if number:
            parent = nodes[tree.parent[number]]
            node.parent = parent
            parent.children.append(node)
    for number, count in enumerate(tree.terminal_count):
        if count:
            score = tree.terminal_score_sum[number] / count
            nodes[number].children.append(Node(score, nodes[number]))
    return nodes


def search_objects(trees: list[list[Node]], iterations: int, exploration: float) -> None:
    """Run MCTS on trees of objects."""
    for nodes, _ in product(trees, range(iterations)):
        node = nodes[0]
        while node.children:
            node = node.best_child(exploration)
        assert node.score is not None, "only an end has no children"
        visited: Node | None = node
        while visited is not None:
            visited.visits += 1
            visited.value += node.score
            visited = visited.parent


def timed(function: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[float, Any]:
    """Return the CPU seconds of a call and its result."""
    start = time.process_time()
    result = function(*arguments, **named)
    return time.process_time() - start, result


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--trees", type=int, default=100, help="trees to compare on")
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--exploration", type=float, default=1.41)
    arguments = parser.parse_args()
    constants = {"iterations": arguments.iterations, "exploration": arguments.exploration}
    trees = build_trees(explored_tasks(arguments), similarity=CharacterNgrams())
    search(trees[:1], iterations=1)  # compiles

    compared = trees[: arguments.trees]
    as_objects = [objects(tree) for tree in compared]
    compiled_seconds, found = timed(search, compared, **constants)
    plain_seconds, _ = timed(search_objects, as_objects, **constants)
    for nodes, counts in zip(as_objects, found, strict=True):
        assert counts.visits.tolist() == [node.visits for node in nodes]
        assert counts.value_sum.tolist() == [node.value for node in nodes]

    many = list(islice(cycle(trees), OFFICIAL_TASKS))
    many_seconds, _ = timed(search, many, **constants)
    print(
        json.dumps(
            {
                "benchmark": "mcts",
                "ratio": round(plain_seconds / compiled_seconds, 1),
                "trees": len(compared),
                "nodes": sum(len(tree.parent) for tree in compared),
                **constants,
                "plain_cpu_seconds": round(plain_seconds, 3),
                "compiled_cpu_seconds": round(compiled_seconds, 4),
                "many_trees": len(many),
                "different_trees": len(trees),
                "many_trees_cpu_seconds": round(many_seconds, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
