"""Compare paths through trees and through graphs of what the weak model explored.

    python experiments/graphs/run.py                  # the default run's exploration, in its store
    python experiments/graphs/run.py env=webshop store=FOLDER

Arguments are overrides of the configuration. What is not yet explored is explored first. Every path
is played again. Prints a table.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tratree.composition import compose_config
from tratree.envs.base import TextEnv
from tratree.report.render_table import markdown_table
from tratree.runs.run import open_store
from tratree.stages.environment import games_stage, open_env
from tratree.stages.methods import weak_trees
from tratree.stages.states import node_states, play_again
from tratree.stages.trees import read_trees
from tratree.store.progress import Progress
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import find_pairs
from tratree.tree.information_states import by_history, merge_states
from tratree.tree.mcts import search_paths
from tratree.tree.paths import path_trajectory
from tratree.tree.recovery import recoveries
from tratree.tree.types import TrajectoryTree
from tratree.tree.value_iteration import shortest_paths, without_loops

COLUMNS = ("paths", "tasks", "steps", "shorter than any success %", "solved when played %")


def without_own_loops(tree: TrajectoryTree, keys: Sequence[str] | None) -> Trajectory:
    """Return the shortest success without the steps that lead back to where it was."""
    best = min((t for t in tree.trajectories if t.success), key=lambda t: len(t.steps))
    nodes = tree.trajectory_nodes(tree.trajectories.index(best))
    return without_loops(best, None if keys is None else [keys[node] for node in nodes])


def row(name: str, env: TextEnv, found: Sequence[Trajectory], shortest: Sequence[int]) -> list[str]:
    """Return the figures of a way to choose paths, each played again."""
    played = [play_again(env, trajectory) for trajectory in found]
    lengths = [len(trajectory.steps) for trajectory in found]
    shorter = [length < least for length, least in zip(lengths, shortest, strict=True)]
    return [
        name,
        str(len(found)),
        f"{sum(lengths) / len(lengths):.2f}",
        f"{100 * sum(shorter) / len(found):.0f}",
        f"{100 * sum(t.success for t in played) / len(found):.1f}",
    ]


def main(overrides: Sequence[str]) -> None:
    """Explore if need be, compare, and print the table."""
    config = compose_config([*overrides])
    store = open_store(config, Progress())
    trees = read_trees(store.ensure(weak_trees(config)))
    games = store.ensure(games_stage(config))
    with closing(open_env(games, Path(config.store) / "cache")) as env:
        keys = [node_states(env, tree) for tree in trees]
        every = merge_states(trees, keys)
        solved = [n for n, tree in enumerate(trees) if tree.trajectories[0].success]
        graphs = [every[n] for n in solved]
        histories = [by_history(tree) for tree in graphs]
        successes = [[len(t.steps) for t in tree.trajectories if t.success] for tree in graphs]
        shortest = [min(lengths) for lengths in successes]
        rows = [
            row(
                name,
                env,
                [path_trajectory(tree, path.nodes) for tree, path in zip(of, found, strict=True)],
                shortest,
            )
            for name, of, found in (
                ("tree: MCTS", histories, search_paths(histories)),
                ("tree: shortest", histories, shortest_paths(histories)),
                ("graph: MCTS", graphs, search_paths(graphs)),
                ("graph: value iteration", graphs, shortest_paths(graphs)),
            )
        ]
        pruned = [without_own_loops(trees[n], keys[n]) for n in solved]
        rows.insert(2, row("tree: shortest, without its own loops", env, pruned, shortest))
        ways = [
            path_trajectory(tree, (*found.failed, *found.back))
            for tree in every
            for found in recoveries(tree)
        ]
        back = sum(play_again(env, way).success for way in ways)
    print(markdown_table([COLUMNS, *rows]))
    nodes = sum(len(tree.parent) for tree in trees)
    states = sum(len({*tree.state.tolist()}) for tree in every)
    pairs = [sum(len(find_pairs(tree)) for tree in of) for of in (trees, every)]
    print(
        f"\n{nodes} nodes, {states} information states; {sum(k is None for k in keys)} trees "
        "only by what was observed"
    )
    print(f"pairs: {pairs[0]} in trees, {pairs[1]} in graphs")
    print(f"ways from failures back to success: {len(ways)}, solved when played: {back}")


if __name__ == "__main__":
    main(sys.argv[1:])
