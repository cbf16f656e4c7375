"""Stage ``trees``: the explored trajectories of each task, merged into a tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tratree.config import Config
from tratree.envs.registry import action_key, action_rule
from tratree.models.names import fingerprint, local_folder
from tratree.policy.places import Places
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.players import scorers
from tratree.stages.states import node_states
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories
from tratree.trajectory.types import Step, Trajectory
from tratree.tree.forest_file import TREES, iterate_trees, load_trees, save_trees
from tratree.tree.information_states import merge_states
from tratree.tree.merge import build_trees
from tratree.tree.sentence_embeddings import SentenceEmbeddings
from tratree.tree.similarity import Seen, make_similarity
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree
from tratree.words import counted

STATISTICS = "statistics.json"
_TEXTS = 2048
"""Texts that a process embeds at a time."""

AT_A_TIME = 256
"""Trees that grow side by side: enough that similarity is asked of many texts at once."""


def trees_stage(config: Config, explored: Stage) -> Stage:
    """Merge `tree.width` trajectories of each task (section 3.1 of the paper)."""
    tree = config.tree
    normalised = tree.action_match == "normalised"
    settings: dict[str, Any] = {
        "similarity": tree.similarity,
        "xi_sim": tree.xi_sim,
        "action_rule": action_rule(config.env) if normalised else "exact",
    }
    if tree.compares != "observation":
        settings["compares"] = tree.compares
    if tree.similarity == "minilm":
        settings["encoder"] = {"weights": fingerprint(tree.encoder)}
        if local_folder(tree.encoder) is None:
            settings["encoder"]["name"] = tree.encoder
    if tree.width is not None:
        settings["drawn"] = {"width": tree.width, "seed": config.seed}
    inputs = {"explored": explored}
    if tree.merge == "state":
        settings["merge"] = tree.merge
        inputs["games"] = games_stage(config)
    merge = partial(_merge, tree.encoder)
    return Stage("trees", settings, merge, inputs, version=2, self_contained=True)


def read_trees(folder: Path) -> list[TrajectoryTree]:
    """Read the trees of a finished ``trees`` stage, in the order of their tasks."""
    return load_trees(folder / TREES)


def iterate_stage_trees(folder: Path) -> Iterator[TrajectoryTree]:
    """Read trees as `read_trees` does, one at a time."""
    return iterate_trees(folder / TREES)


def draw_trajectories(of_task: Sequence[Trajectory], width: int, seed: int) -> Sequence[Trajectory]:
    """Draw `width` trajectories of a task, all with the same chance.

    Not the first ones: those come from certain sampling settings. Each task has its own
    generator, and a narrower draw of the same seed is part of a wider one.
    """
    key = [seed, crc32(b"width"), crc32(of_task[0].task.task_id.encode())]
    drawn = np.random.default_rng(key).permutation(len(of_task))[:width]
    return [of_task[index] for index in sorted(drawn)]


def _merge(encoder: str, job: Job) -> None:
    settings = job.settings
    places = scorers(job.resources)
    weights = settings.get("encoder", {}).get("weights", "")
    folder = f"{weights}-gpu" if places.gpus else weights  # its last digits are others
    similarity = make_similarity(
        settings["similarity"], encoder=encoder, cache=job.resources.cache / "vectors" / folder
    )
    rule = settings["action_rule"]
    shown: dict[str, Any] = {"shown": _observation_and_thought} if "compares" in settings else {}
    build = partial(
        build_trees,
        xi_sim=settings["xi_sim"],
        action_key=str if rule == "exact" else action_key(rule),
        **shown,
    )
    if isinstance(similarity, SentenceEmbeddings) and not places.is_here:
        seen = Seen()
        for _ in _built(partial(build, similarity=seen), _explored(job), lambda _: None):
            pass
        _embed(job, similarity, list(seen.texts), places)
    build = partial(build, similarity=similarity)
    with job.progress.bar("trees", None) as advance:
        trees = _built(build, _explored(job), advance)
        save_trees(job.folder / TREES, _with_states(job, trees) if "merge" in settings else trees)
    statistics = forest_statistics(iterate_stage_trees(job.folder))
    (job.folder / STATISTICS).write_text(json.dumps(statistics, indent=2) + "\n", "utf-8")
    job.progress.message(f"  {describe(statistics)}")


def _embed(job: Job, embeddings: SentenceEmbeddings, texts: list[str], places: Places) -> None:
    """Let all devices compute the vectors of texts."""
    from tratree.policy.workers import compute

    new = embeddings.unknown(texts)
    parts = [new[start : start + _TEXTS] for start in range(0, len(new), _TEXTS)]
    device = "cuda" if places.gpus else "cpu"  # the GPU of a process is its current one
    load = partial(_load_encoder, embeddings.model, device)
    with job.progress.bar("texts", len(parts)) as advance:
        for done, (number, vectors) in enumerate(compute(load, parts, places), 1):
            embeddings.keep(parts[number], vectors)
            advance(done)


def _load_encoder(model: str, device: str) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    return SentenceEmbeddings(model, device=device).encode


def _explored(job: Job) -> Iterator[Sequence[Trajectory]]:
    """Yield the trajectories of each task that go into its tree."""
    explored = iterate_trajectories(job.inputs["explored"] / EPISODES)
    for _, group in groupby(explored, key=lambda t: t.task.task_id):
        of_task = list(group)
        drawn = job.settings.get("drawn")
        yield draw_trajectories(of_task, **drawn) if drawn else of_task


def _built(
    build: Callable[..., list[TrajectoryTree]],
    tasks: Iterator[Sequence[Trajectory]],
    advance: Callable[[int], None],
) -> Iterator[TrajectoryTree]:
    """Yield the tree of each task; so many at a time grow side by side that memory stays small."""
    done = 0
    while some := list(islice(tasks, AT_A_TIME)):
        yield from build(some)
        done += len(some)
        advance(done)


def _with_states(job: Job, trees: Iterator[TrajectoryTree]) -> Iterator[TrajectoryTree]:
    """Yield the trees as graphs, and say how many states they have and where they come from."""
    nodes = states = unknown = done = 0
    with closing(env_maker(job)()) as env:
        for tree in trees:
            keys = node_states(env, tree)
            (merged,) = merge_states([tree], [keys])
            nodes += len(tree.parent)
            states += len(set(merged.state.tolist()))
            unknown += keys is None
            done += 1
            yield merged
    job.progress.message(f"  {counted(states, 'information state')} of {counted(nodes, 'node')}")
    if unknown:
        job.progress.message(
            f"  of {unknown} of {counted(done, 'tree')} only by what was observed: the environment "
            "does not tell their state, or answers otherwise than when they were explored"
        )


def _observation_and_thought(step: Step) -> str:
    return f"{step.observation} {step.thought}"


def describe(statistics: dict[str, Any]) -> str:
    """Say in words what the trees are; `STATISTICS` has all figures of `forest_statistics`."""
    said = (
        f"{counted(statistics['trees'], 'tree')}: on average {statistics['nodes']:.0f} nodes, "
        f"{statistics['depth']:.0f} steps deep, and trajectories diverge at "
        f"{statistics['divergence_points']:.1f} points"
    )
    mixed = statistics["mixed_divergence_share"]
    return said if mixed is None else f"{said}; {mixed:.0%} of these lead to success and to failure"
