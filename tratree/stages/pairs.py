"""Stage ``pairs``: preference pairs, where a tree diverges or of whole trajectories."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
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
from tratree.stages.trees import iterate_stage_trees
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
from tratree.words import counted

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


def load_pairs(job: Job) -> Iterator[TrajectoryPair]:
    """Read the pairs of the job's inputs as trajectories, one at a time."""
    return iterate_pairs(job.inputs["pairs"], job.inputs.get("trees"))


def iterate_pairs(pairs: Path, trees: Path | None = None) -> Iterator[TrajectoryPair]:
    """Read the pairs of a finished ``pairs`` stage as trajectories, one at a time.

    Args:
        pairs: Its folder.
        trees: The folder of the trees that they were taken from, if from any; one is in memory.
    """
    with (pairs / PAIRS).open(encoding="utf-8") as lines:
        if trees is None:
            sides = read_trajectories(pairs / TRAJECTORIES)
            for line in lines:
                p = json.loads(line)
                yield TrajectoryPair(sides[p["chosen"]], sides[p["rejected"]], 0)
            return
        forest = enumerate(iterate_stage_trees(trees))
        number, tree = next(forest, (-1, None))
        for line in lines:
            fields = json.loads(line)
            wanted = fields.pop("tree")
            while number < wanted:
                number, tree = next(forest)
            assert tree is not None
            nodes = {name: tuple(fields[name]) for name in ("prefix", "chosen", "rejected")}
            yield pair_trajectories(tree, Pair(**{**fields, **nodes}))


def write_pairs(job: Job, pairs: Iterable[Sequence[Pair]]) -> None:
    """Write the pairs of each tree, in the order of the trees, so that `load_pairs` reads them."""
    counts = array("q")
    with (job.folder / PAIRS).open("w", encoding="utf-8") as file:
        for number, of_tree in enumerate(pairs):
            file.writelines(json.dumps({"tree": number, **asdict(pair)}) + "\n" for pair in of_tree)
            counts.append(len(of_tree))
    informative = sum(map(bool, counts))
    job.progress.message(
        f"  {counted(sum(counts), 'pair')} in {informative} of {counted(len(counts), 'tree')}"
    )


def _limits(config: Config) -> dict[str, Any]:
    method = config.method
    return {"min_gap": method.minimum_gap, "max_pairs_per_task": method.pairs_per_task}


def _find(job: Job) -> None:
    settings = dict(job.settings)
    pairs_of = best_and_worst if settings.pop("pairs", None) else find_pairs
    useless = settings.pop("useless", None)
    trees = iterate_stage_trees(job.inputs["trees"])

    def found() -> Iterator[tuple[TrajectoryTree, list[Pair]]]:
        for tree in trees:
            pairs = pairs_of(tree, **settings)
            if useless is not None:
                pairs += useless_pairs(tree, aggregate=settings["aggregate"], **useless)
            yield tree, pairs

    if "games" in job.inputs:
        write_pairs(job, _played_as_recorded(job, found()))
    else:
        write_pairs(job, (pairs for _, pairs in found()))


def _played_as_recorded(
    job: Job, found: Iterable[tuple[TrajectoryTree, list[Pair]]]
) -> Iterator[list[Pair]]:
    """Leave out pairs of which a side, after a history not its own, is answered otherwise."""
    moved = pairs = kept = 0
    with closing(env_maker(job)()) as env:
        for tree, of_tree in found:
            known: dict[tuple[int, ...], bool] = {}
            for pair in of_tree:
                for side in (pair.prefix + pair.chosen, pair.prefix + pair.rejected):
                    if side not in known and not tree.is_recorded(side):
                        recorded = path_trajectory(tree, side)
                        known[side] = answers_as_recorded(recorded, play_again(env, recorded))
            good = [
                pair
                for pair in of_tree
                if known.get(pair.prefix + pair.chosen, True)
                and known.get(pair.prefix + pair.rejected, True)
            ]
            moved, pairs, kept = moved + len(known), pairs + len(of_tree), kept + len(good)
            yield good
    job.progress.message(
        f"  {counted(moved, 'side')} played that would continue another attempt's history; "
        f"{pairs - kept} of {counted(pairs, 'pair')} left out, as a side was answered otherwise"
    )


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
    job.progress.message(
        f"  {counted(len(pairs), 'pair')} of whole trajectories, of {counted(len(tasks), 'task')}"
    )
