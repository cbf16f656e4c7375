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
from tratree.runs.run_folder import STAGES, RunStages, read_stages
from tratree.runs.run_trees import find_trees
from tratree.runs.starts import read_starts
from tratree.stages.file_names import EPISODES, EPISODES_LOG, METRICS
from tratree.store.finished import read_seconds, unfinished
from tratree.trajectory.jsonl import read_trajectories, read_trajectory_log
from tratree.trajectory.types import Trajectory
from tratree.tree.types import TrajectoryTree

EVALUATE = "evaluate "


def read_run(run: Path, store: Path | None = None) -> RunRecord:
    """Read a run.

    Args:
        run: Its folder.
        store: The root of its store, if it isn't where the run left it.

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
    trees, no_trees = _trees(run, store)
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
        curves=dict(_curves(stages)),
        episodes=dict(_episodes(stages)),
        trees=trees,
        no_trees=no_trees,
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
        rows = read_metrics(_there(stages.store / place) / CURVES)
        if rows:
            yield title, rows


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


def _trees(run: Path, store: Path | None) -> tuple[list[TrajectoryTree], str]:
    try:
        return find_trees(run, store).trees, ""
    except UserError as error:
        return [], str(error)


def _there(folder: Path) -> Path:
    """Return the folder of a stage, finished or not."""
    return folder if folder.is_dir() else unfinished(folder)
