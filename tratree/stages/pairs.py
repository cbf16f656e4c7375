"""Stage ``pairs``: preference pairs, taken where success and failure diverge in a tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.tree.divergence import Pair, TrajectoryPair, best_and_worst, find_pairs
from tratree.tree.paths import pair_trajectories

PAIRS = "pairs.jsonl"


def pairs_stage(config: Config, trees: Stage, continuation: str | None = None) -> Stage:
    """Take pairs where continuations of different score diverge (section 3.2 of the paper).

    Args:
        config: The run's.
        trees: Where the pairs are taken.
        continuation: Where a continuation ends, if not as ``method.continuation`` says.
    """
    method = config.method
    if method.pairs == "best_and_worst" and continuation is None:
        settings: dict[str, Any] = {
            "pairs": method.pairs,
            "aggregate": method.aggregate,
            "min_gap": method.minimum_gap,
        }
        return Stage("pairs", settings, _find, {"trees": trees}, self_contained=True)
    settings = {
        "aggregate": method.aggregate,
        "min_gap": method.minimum_gap,
        "continuation": continuation or method.continuation,
        "max_pairs_per_divergence": method.pairs_per_divergence,
        "max_pairs_per_task": method.pairs_per_task,
    }
    return Stage("pairs", settings, _find, {"trees": trees}, self_contained=True)


def read_pairs(pairs: Path, trees: Path) -> list[TrajectoryPair]:
    """Read the pairs of a finished ``pairs`` stage as trajectories."""
    forest = read_trees(trees)
    found = []
    for line in (pairs / PAIRS).read_text("utf-8").splitlines():
        fields = json.loads(line)
        tree = forest[fields.pop("tree")]
        nodes = {name: tuple(fields[name]) for name in ("prefix", "chosen", "rejected")}
        found.append(pair_trajectories(tree, Pair(**{**fields, **nodes})))
    return found


def write_pairs(job: Job, pairs: Sequence[Sequence[Pair]]) -> None:
    """Write the pairs of each tree, in the order of the trees, so that `read_pairs` reads them."""
    lines = [
        json.dumps({"tree": number, **asdict(pair)}) + "\n"
        for number, of_tree in enumerate(pairs)
        for pair in of_tree
    ]
    (job.folder / PAIRS).write_text("".join(lines), encoding="utf-8")
    informative = sum(map(bool, pairs))
    job.progress.message(f"  {len(lines)} pairs in {informative} of {len(pairs)} trees")


def _find(job: Job) -> None:
    settings = dict(job.settings)
    pairs_of = best_and_worst if settings.pop("pairs", None) else find_pairs
    trees = read_trees(job.inputs["trees"])
    write_pairs(job, [pairs_of(tree, **settings) for tree in trees])
