"""Reads all that a run folder and its store hold of a run, whatever state the run is in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tratree.errors import UserError
from tratree.modules.training_history import METRICS as CURVES
from tratree.modules.training_history import read_metrics
from tratree.report.run_files import (
    CONFIGURATION,
    Failure,
    HydraSettings,
    Results,
    read_configuration,
    read_failure,
    read_figures,
    read_hydra,
    read_results,
)
from tratree.report.run_page import RunRecord, StageRecord
from tratree.report.run_page.figures import PER_TOKEN
from tratree.runs.run_folder import STAGES, RunStages, read_stages
from tratree.runs.run_trees import find_trees
from tratree.runs.starts import read_starts
from tratree.stages.file_names import EPISODES, EPISODES_LOG, METRICS
from tratree.stages.paths import PATHS
from tratree.store.finished import DESCRIPTION, read_description, read_seconds, unfinished
from tratree.trajectory.jsonl import read_trajectories, read_trajectory_log
from tratree.trajectory.types import Trajectory
from tratree.tree.types import TrajectoryTree

EVALUATE = "evaluate "


def read_run(run: Path, store: Path | None = None) -> RunRecord:
    """Read a run; `store` is the root of its store, if it isn't where the run left it.

    Raises:
        UserError: If that is not the folder of a run, or a file of it is damaged.
    """
    hydra = read_hydra(run) if (run / CONFIGURATION / "hydra.yaml").is_file() else {}
    # A run that failed at once, or is only about to begin, has no stages.
    begun = (run / STAGES).is_file() or not hydra
    stages = read_stages(run) if begun else RunStages(run, {})
    if store is not None:
        stages = replace(stages, store=store)
    results: Results | None = read_results(run)
    trees, search, no_trees = _trees(run, store)
    return RunRecord(
        name=run.resolve().name,
        status=_status(read_failure(run), results, stages),
        command=_command(hydra),
        settings=(
            read_configuration(run) if (run / CONFIGURATION / "config.yaml").is_file() else {}
        ),
        starts=read_starts(run),
        stages=[_stage(stages.store, *item) for item in stages.folders.items()],
        systems=results["systems"] if results else dict(_evaluated(stages)),
        gap=cast(Mapping[str, str], results["pgr"]) if results else None,
        comparisons=cast(Mapping[str, Any] | None, results and results.get("comparisons")),
        curves=dict(_curves(stages)),
        episodes=dict(_episodes(stages)),
        trees=trees,
        no_trees=no_trees,
        search=search,
    )


def _status(failure: Failure | None, results: Results | None, stages: RunStages) -> str:
    if failure:
        return f"failed: {failure['reason']}"
    if results:
        return "finished"
    if stages.folders and not stages.store.is_dir():
        return f"not finished; there is no store at {stages.store}"
    return "not finished: under way, interrupted, or waiting to be started again"


def _command(hydra: HydraSettings) -> str:
    if not hydra:
        return ""
    return shlex.join(["python", "train.py", *hydra.get("overrides", {}).get("task", [])])


def _stage(store: Path, title: str, place: str) -> StageRecord:
    folder = store / place
    if folder.is_dir():
        return StageRecord(title, place, "finished", read_seconds(folder))
    begun = unfinished(folder).is_dir()
    return StageRecord(title, place, "begun" if begun else "missing", None)


def _evaluated(stages: RunStages) -> Iterator[tuple[str, dict[str, Any]]]:
    for title, place in stages.folders.items():
        figures = (
            read_figures(stages.store / place / METRICS) if title.startswith(EVALUATE) else None
        )
        if figures:
            yield title.removeprefix(EVALUATE), figures


def _curves(stages: RunStages) -> Iterator[tuple[str, list[dict[str, float]]]]:
    for title, place in stages.folders.items():
        folder = _there(stages.store / place)
        rows = read_metrics(folder / CURVES)
        if rows:
            tokens = _tokens_per_path(folder)
            yield title, [_with_loss_per_token(row, tokens) for row in rows] if tokens else rows


def _with_loss_per_token(row: dict[str, float], tokens: float) -> dict[str, float]:
    """Put the loss per token right behind the loss per path."""
    added = {"loss": row["loss"], PER_TOKEN: row["loss"] / tokens} if "loss" in row else {}
    return {"step": row["step"], **added, **row}


def _tokens_per_path(folder: Path) -> float | None:
    """Return how many tokens were sampled for a path that an imitation learns from, on average.

    None for other stages, and where the ids of the tokens or the paths are not there.
    """
    if not (folder / DESCRIPTION).is_file():
        return None
    description = read_description(folder)
    found = list(folder.parents[1].glob(f"*/{description['inputs'].get('paths', '-')}/{PATHS}"))
    if description["stage"] != "imitate" or not found:
        return None
    counts = [sum(len(s.token_ids) for s in t.steps) for t in read_trajectories(found[0])]
    return sum(counts) / len(counts) if counts and all(counts) else None


def _episodes(stages: RunStages) -> Iterator[tuple[str, list[Trajectory]]]:
    for title, place in stages.folders.items():
        if not title.startswith(EVALUATE):
            continue
        folder = _there(stages.store / place)
        whole = folder / EPISODES
        played = (
            read_trajectories(whole)
            if whole.is_file()
            else read_trajectory_log(folder / EPISODES_LOG)
        )
        if played:
            yield title.removeprefix(EVALUATE), played


def _trees(run: Path, store: Path | None) -> tuple[list[TrajectoryTree], Mapping[str, Any], str]:
    try:
        found = find_trees(run, store)
    except UserError as error:
        return [], {}, str(error)
    return found.trees, found.search, ""


def _there(folder: Path) -> Path:
    """Return the folder of a stage, finished or not."""
    return folder if folder.is_dir() else unfinished(folder)
