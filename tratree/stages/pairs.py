"""Stage ``pairs``: preference pairs, where a tree diverges or of whole trajectories."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.demonstrations import DEMONSTRATIONS
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.states import answers_as_recorded, play_again
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import (
    Pair,
    TrajectoryPair,
    best_and_worst,
    find_pairs,
    unstructured_pairs,
)
from tratree.tree.expert_pairs import expert_pairs
from tratree.tree.paths import pair_trajectories, path_trajectory
from tratree.tree.types import TrajectoryTree
from tratree.tree.useless import useless_pairs

PAIRS = "pairs.jsonl"
TRAJECTORIES = "trajectories.jsonl"


def pairs_stage(config: Config, trees: Stage, continuation: str | None = None) -> Stage:
    """Take pairs where continuations of different score diverge (section 3.2 of the paper).

    Args:
        config: The run's.
        trees: Stage of the trees that the pairs are taken from.
        continuation: End of a continuation, if not as ``method.continuation`` says.

    Raises:
        UserError: If pairs against useless actions are asked for, and nodes are merged by history.
    """
    method = config.method
    settings: dict[str, Any] = {"aggregate": method.aggregate, "min_gap": method.minimum_gap}
    if method.pairs == "best_and_worst" and continuation is None:
        settings["pairs"] = method.pairs
    else:
        settings["continuation"] = continuation or method.continuation
        settings["max_pairs_per_divergence"] = method.pairs_per_divergence
        settings["max_pairs_per_task"] = method.pairs_per_task
    inputs = {"trees": trees}
    if config.tree.merge == "state":
        inputs["games"] = games_stage(config)
        if method.useless_pairs:
            settings["useless"] = {
                "max_pairs_per_divergence": method.pairs_per_divergence,
                "max_pairs_per_task": method.pairs_per_task,
            }
    elif method.useless_pairs:
        raise UserError(
            "method.useless_pairs=true needs tree.merge=state: merged by history, no action leads "
            "back to the node where it was taken"
        )
    return Stage("pairs", settings, _find, inputs, self_contained=True)


def random_pairs_stage(config: Config, explored: Stage) -> Stage:
    """Pair trajectories of a task at random, the higher score preferred (unstructured DPO)."""
    settings = {**_limits(config), "seed": config.seed}
    return Stage("pairs", settings, _draw, {"explored": explored}, self_contained=True)


def expert_pairs_stage(
    config: Config, explored: Stage, demonstrations: Stage, label: str = ""
) -> Stage:
    """Prefer the expert's trajectory to each attempt that scored less (ETO)."""
    inputs = {"explored": explored, "demonstrations": demonstrations}
    return Stage(
        "pairs", _limits(config), _pair_with_expert, inputs, label=label, self_contained=True
    )


def pair_inputs(pairs: Stage) -> dict[str, Stage]:
    """Return the stages that `load_pairs` reads: the pairs, and their trees if they have any."""
    return {"pairs": pairs, **{n: s for n, s in pairs.inputs.items() if n == "trees"}}


def load_pairs(job: Job) -> list[TrajectoryPair]:
    """Read the pairs of the job's inputs as trajectories."""
    return read_pairs(job.inputs["pairs"], job.inputs.get("trees"))


def read_pairs(pairs: Path, trees: Path | None = None) -> list[TrajectoryPair]:
    """Read the pairs of a finished ``pairs`` stage as trajectories.

    Args:
        pairs: Its folder.
        trees: The folder of the trees that they were taken from, if from any.
    """
    lines = [json.loads(line) for line in (pairs / PAIRS).read_text("utf-8").splitlines()]
    if trees is None:
        sides = read_trajectories(pairs / TRAJECTORIES)
        return [TrajectoryPair(sides[p["chosen"]], sides[p["rejected"]], 0) for p in lines]
    forest = read_trees(trees)
    found = []
    for fields in lines:
        tree = forest[fields.pop("tree")]
        nodes = {name: tuple(fields[name]) for name in ("prefix", "chosen", "rejected")}
        found.append(pair_trajectories(tree, Pair(**{**fields, **nodes})))
    return found


def write_pairs(job: Job, pairs: Sequence[Sequence[Pair]]) -> None:
    """Write the pairs of each tree, in the order of the trees, so that `load_pairs` reads them."""
    lines = [
        json.dumps({"tree": number, **asdict(pair)}) + "\n"
        for number, of_tree in enumerate(pairs)
        for pair in of_tree
    ]
    (job.folder / PAIRS).write_text("".join(lines), encoding="utf-8")
    informative = sum(map(bool, pairs))
    job.progress.message(f"  {len(lines)} pairs in {informative} of {len(pairs)} trees")


def _limits(config: Config) -> dict[str, Any]:
    method = config.method
    return {"min_gap": method.minimum_gap, "max_pairs_per_task": method.pairs_per_task}


def _find(job: Job) -> None:
    settings = dict(job.settings)
    pairs_of = best_and_worst if settings.pop("pairs", None) else find_pairs
    useless = settings.pop("useless", None)
    trees = read_trees(job.inputs["trees"])
    pairs = [pairs_of(tree, **settings) for tree in trees]
    if useless is not None:
        more = [useless_pairs(tree, aggregate=settings["aggregate"], **useless) for tree in trees]
        pairs = [[*one, *another] for one, another in zip(pairs, more, strict=True)]
    if "games" in job.inputs:
        pairs = _played_as_recorded(job, trees, pairs)
    write_pairs(job, pairs)


def _played_as_recorded(
    job: Job, trees: Sequence[TrajectoryTree], pairs: Sequence[Sequence[Pair]]
) -> list[list[Pair]]:
    """Leave out pairs of which a side, after a history not its own, is answered otherwise."""
    kept: list[list[Pair]] = []
    moved = 0
    with closing(env_maker(job)()) as env, job.progress.bar("replays", len(pairs)) as advance:
        for tree, of_tree in zip(trees, pairs, strict=True):
            known: dict[tuple[int, ...], bool] = {}
            for pair in of_tree:
                for side in (pair.prefix + pair.chosen, pair.prefix + pair.rejected):
                    if side not in known and not tree.is_recorded(side):
                        recorded = path_trajectory(tree, side)
                        known[side] = answers_as_recorded(recorded, play_again(env, recorded))
            kept.append(
                [
                    pair
                    for pair in of_tree
                    if known.get(pair.prefix + pair.chosen, True)
                    and known.get(pair.prefix + pair.rejected, True)
                ]
            )
            moved += len(known)
            advance(len(kept))
    found, left = sum(map(len, pairs)), sum(map(len, kept))
    job.progress.message(
        f"  {moved} sides continue a history that is not their own and were played; {found - left} "
        f"of {found} pairs are left out, as a side was answered otherwise"
    )
    return kept


def _draw(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    _write_trajectory_pairs(job, unstructured_pairs(explored, **job.settings))


def _pair_with_expert(job: Job) -> None:
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    demonstrations = read_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    _write_trajectory_pairs(job, expert_pairs(explored, demonstrations, **job.settings))


def _write_trajectory_pairs(job: Job, pairs: Sequence[TrajectoryPair]) -> None:
    """Write each trajectory once, and the pairs as their numbers."""
    numbers: dict[Trajectory, int] = {}
    lines = []
    for pair in pairs:
        chosen, rejected = (
            numbers.setdefault(side, len(numbers)) for side in (pair.chosen, pair.rejected)
        )
        lines.append(json.dumps({"chosen": chosen, "rejected": rejected}) + "\n")
    write_trajectories(job.folder / TRAJECTORIES, list(numbers))
    (job.folder / PAIRS).write_text("".join(lines), encoding="utf-8")
    tasks = {pair.chosen.task.task_id for pair in pairs}
    job.progress.message(f"  {len(pairs)} pairs of whole trajectories, of {len(tasks)} tasks")
