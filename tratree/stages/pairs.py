"""Stage ``pairs``: preference pairs, taken where success and failure part in a tree."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.tree.divergence import Pair, TrajectoryPair, best_and_worst, find_pairs
from tratree.tree.paths import pair_trajectories

PAIRS = "pairs.jsonl"


def pairs_stage(config: Config, trees: Stage) -> Stage:
    """Take pairs where continuations of different score part (section 3.2 of the paper)."""
    method = config.method
    if method.pairs == "best_and_worst":
        settings: dict[str, Any] = {
            "pairs": method.pairs,
            "aggregate": method.aggregate,
            "min_gap": method.minimum_gap,
        }
        return Stage("pairs", settings, _find, {"trees": trees}, self_contained=True)
    settings = {
        "aggregate": method.aggregate,
        "min_gap": method.minimum_gap,
        "continuation": method.continuation,
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


def _find(job: Job) -> None:
    lines = []
    informative = 0
    settings = dict(job.settings)
    pairs_of = best_and_worst if settings.pop("pairs", None) else find_pairs
    trees = read_trees(job.inputs["trees"])
    for number, tree in enumerate(trees):
        found = pairs_of(tree, **settings)
        informative += bool(found)
        lines += [json.dumps({"tree": number, **asdict(pair)}) + "\n" for pair in found]
    (job.folder / PAIRS).write_text("".join(lines), encoding="utf-8")
    job.progress.message(f"  {len(lines)} pairs in {informative} of {len(trees)} trees")
