"""Graphs of real trees: compiled building and searching over arrays against plain Python objects.

Both merge the nodes of the same trees by information state (the latest observation and the set of
those seen so far), count the transitions, and search with MCTS and value iteration. States, counts
and the lengths of the shortest paths must be equal.

    python benchmarks/graph.py
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from exploration import add_arguments, explored_tasks
from mcts import timed

from tratree.tree import CharacterNgrams, TrajectoryTree, build_trees
from tratree.tree.graph import make_graphs
from tratree.tree.information_states import merge_states
from tratree.tree.mcts import search
from tratree.tree.value_iteration import shortest_paths


@dataclass
class State:
    """A state as an object; `leads` are its transitions by action and state."""

    number: int
    leads: dict[tuple[int, int], Transition] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    passes: int = 0
    ended: int = 0


@dataclass
class Transition:
    """A transition as an object."""

    to: State
    taken: dict[int, float] = field(default_factory=dict)
    visits: int = 0
    value: float = 0.0


def build(tree: TrajectoryTree) -> dict[int, State]:
    """Return the states of a tree by their lowest node."""
    state_of: list[State] = []
    known: dict[tuple[int, frozenset[int]], State] = {}
    seen: list[frozenset[int]] = []
    latest: list[int] = []
    parent, observation = tree.parent.tolist(), tree.observation_id.tolist()
    valid = tree.valid.tolist()
    for node, (before, shown) in enumerate(zip(parent, observation, strict=True)):
        if not valid[node]:  # says nothing of the world
            shown = latest[before]
        latest.append(shown)
        seen.append((seen[before] if node else frozenset()) | {shown})
        state_of.append(known.setdefault((shown, seen[node]), State(node)))
    actions = tree.action_id.tolist()
    for node in range(1, len(parent)):
        to = state_of[node]
        key = actions[node], to.number
        state_of[parent[node]].leads.setdefault(key, Transition(to))
    for index, trajectory in enumerate(tree.trajectories):
        nodes = tree.trajectory_nodes(index)
        for before, node in pairwise(nodes):
            key = actions[node], state_of[node].number
            state_of[before].leads[key].taken[index] = trajectory.score
        state_of[nodes[-1]].scores.append(trajectory.score)
    return {state.number: state for state in known.values()}


def search_objects(graphs: list[dict[int, State]], iterations: int, exploration: float) -> None:
    """Run MCTS on graphs of objects."""
    for states in graphs:
        search_one(states, iterations, exploration)


def search_one(states: dict[int, State], iterations: int, exploration: float) -> None:
    """Run MCTS on a graph of objects."""
    ends = {n: sum(s.scores) / len(s.scores) for n, s in states.items() if s.scores}
    for _ in range(iterations):
        state, walked, taken = states[0], {0}, []
        while True:
            bounds: list[tuple[float, Transition | None]] = [
                (
                    math.inf
                    if not t.visits
                    else t.value / t.visits
                    + exploration * math.sqrt(math.log(state.passes) / t.visits),
                    t,
                )
                for t in state.leads.values()
                if t.to.number not in walked
            ]
            if state.number in ends:
                bounds.append(
                    (
                        math.inf
                        if not state.ended
                        else ends[state.number]
                        + exploration * math.sqrt(math.log(state.passes) / state.ended),
                        None,
                    )
                )
            chosen = max(bounds, key=lambda bound: bound[0])[1] if bounds else None
            if chosen is None:
                break
            taken.append(chosen)
            state = chosen.to
            walked.add(state.number)
        value = ends.get(state.number, 0.0)
        state.ended += state.number in ends
        for number in walked:
            states[number].passes += 1
        for transition in taken:
            transition.visits += 1
            transition.value += value


def shortest(states: dict[int, State]) -> tuple[float, int]:
    """Return the highest score that the root leads to, and the fewest steps to it."""
    best = {n: (sum(s.scores) / len(s.scores), 0) for n, s in states.items() if s.scores}
    changed = True
    while changed:
        changed = False
        for number, state in states.items():
            for transition in state.leads.values():
                if transition.to.number in best:
                    score, steps = best[transition.to.number]
                    if (score, -steps - 1) > (
                        (best[number][0], -best[number][1]) if number in best else (-math.inf, 0)
                    ):
                        best[number] = score, steps + 1
                        changed = True
    return best[0]


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--trees", type=int, default=100, help="trees to compare on")
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--exploration", type=float, default=1.41)
    arguments = parser.parse_args()
    constants = {"iterations": arguments.iterations, "exploration": arguments.exploration}
    trees = build_trees(explored_tasks(arguments), similarity=CharacterNgrams())[: arguments.trees]

    def merged() -> list[TrajectoryTree]:
        found = merge_states(trees, [None] * len(trees))
        make_graphs(found)
        return found

    search(merged()[:1], iterations=1)  # compiles
    shortest_paths(merged()[:1])
    seconds: dict[str, tuple[float, float]] = {}
    compiled, graphs = timed(merged)
    plain, objects = timed(lambda: [build(tree) for tree in trees])
    seconds["build"] = plain, compiled
    for tree, states in zip(graphs, objects, strict=True):
        assert sorted(states) == sorted({*tree.state.tolist()})
    compiled, found = timed(search, graphs, **constants)
    plain, _ = timed(search_objects, objects, **constants)
    seconds["mcts"] = plain, compiled
    for tree, graph, counts, states in zip(
        graphs, make_graphs(graphs), found, objects, strict=True
    ):
        for number, state in states.items():
            of_state = [graph.visits[t] for t in graph.children(number)]
            assert of_state == [len(t.taken) for t in state.leads.values()]
            searched = [counts.visits[t] for t in graph.children(number)]
            assert searched == [t.visits for t in state.leads.values()], tree.task
    compiled, paths = timed(shortest_paths, graphs)
    plain, lengths = timed(lambda: [shortest(states) for states in objects])
    seconds["value_iteration"] = plain, compiled
    assert [(p.value, len(p.nodes) - 1) for p in paths] == lengths
    total = [sum(both) for both in zip(*seconds.values(), strict=True)]
    result: dict[str, Any] = {
        "benchmark": "graph",
        "ratio": round(total[0] / total[1], 1),
        **{f"ratio_{name}": round(both[0] / both[1], 1) for name, both in seconds.items()},
        "trees": len(trees),
        "nodes": sum(len(tree.parent) for tree in trees),
        "states": sum(map(len, objects)),
        **constants,
        **{f"plain_{n}_cpu_seconds": round(both[0], 3) for n, both in seconds.items()},
        **{f"compiled_{n}_cpu_seconds": round(both[1], 4) for n, both in seconds.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
