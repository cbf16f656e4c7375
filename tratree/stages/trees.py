"""Stage ``trees``: the explored trajectories of each task, merged into a tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from tratree.config import Config
from tratree.envs.registry import action_key, action_rule
from tratree.models.names import fingerprint, local_folder
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.states import node_states
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Step, Trajectory
from tratree.tree.forest_file import TREES, load_trees, save_trees
from tratree.tree.graph import merge_states
from tratree.tree.merge import build_trees
from tratree.tree.similarity import make_similarity
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree

STATISTICS = "statistics.json"


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
    trajectories = read_trajectories(job.inputs["explored"] / EPISODES)
    by_task: list[Sequence[Trajectory]] = [
        list(group) for _, group in groupby(trajectories, key=lambda t: t.task.task_id)
    ]
    if "drawn" in settings:
        by_task = [draw_trajectories(of_task, **settings["drawn"]) for of_task in by_task]
    weights = settings.get("encoder", {}).get("weights", "")
    similarity = make_similarity(
        settings["similarity"],
        encoder=encoder,
        cache=job.resources.cache / "vectors" / weights,
    )
    rule = settings["action_rule"]
    with job.progress.bar("trees", len(by_task)) as advance:
        trees = build_trees(
            by_task,
            similarity=similarity,
            xi_sim=settings["xi_sim"],
            action_key=str if rule == "exact" else action_key(rule),
            **({"shown": _observation_and_thought} if "compares" in settings else {}),
            report=advance,
        )
    if "merge" in settings:
        trees = _merge_states(job, trees)
    save_trees(job.folder / TREES, trees)
    statistics = forest_statistics(trees)
    (job.folder / STATISTICS).write_text(json.dumps(statistics, indent=2) + "\n", "utf-8")
    job.progress.message(f"  {describe(statistics)}")


def _merge_states(job: Job, trees: Sequence[TrajectoryTree]) -> list[TrajectoryTree]:
    keys = []
    with closing(env_maker(job)()) as env, job.progress.bar("states", len(trees)) as advance:
        for tree in trees:
            keys.append(node_states(env, tree))
            advance(len(keys))
    merged = merge_states(trees, keys)
    nodes = sum(len(tree.parent) for tree in merged)
    states = sum(len(set(tree.state.tolist())) for tree in merged)
    job.progress.message(f"  {states} information states of {nodes} nodes")
    unknown = sum(of_tree is None for of_tree in keys)
    if unknown:
        job.progress.message(
            f"  of {unknown} of {len(trees)} trees only by what was observed: the environment does "
            "not tell their state, or answers otherwise than when they were explored"
        )
    return merged


def _observation_and_thought(step: Step) -> str:
    return f"{step.observation} {step.thought}"


def describe(statistics: dict[str, Any]) -> str:
    """Return the figures of `forest_statistics` that tell most, in one line."""

    def share(name: str) -> str:
        return "none" if statistics[name] is None else f"{statistics[name]:.0%}"

    return (
        f"{statistics['trees']} trees, means: {statistics['nodes']:.1f} nodes, "
        f"depth {statistics['depth']:.1f}, width {statistics['width']:.1f}; "
        f"diversity {statistics['diversity']:.2f}, "
        f"representativeness {statistics['representativeness']:.1f} steps, "
        f"informativeness {share('informativeness')}; "
        f"{statistics['divergence_points']:.1f} divergence points, "
        f"{share('mixed_divergence_share')} of them mixed"
    )
