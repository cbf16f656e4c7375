"""The results of a run, of all its systems or of those evaluated so far."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tratree.config import Config, result_settings
from tratree.documents import read_json
from tratree.evaluation.comparison import add_corrected, compare
from tratree.evaluation.metrics import CEILING, STRONG, WEAK
from tratree.report.table import add_gap_recovered
from tratree.stages.environment import configured_prompt
from tratree.stages.evaluate import protocol, read_evaluation, reading
from tratree.stages.file_names import REPORT
from tratree.store.stage import Stage, with_inputs
from tratree.store.store import Store
from tratree.trajectory.types import Trajectory

Played = dict[str, list[Trajectory]]
"""The evaluated trajectories of each system."""


def results_of(config: Config, evaluated: Mapping[str, Path]) -> tuple[dict[str, Any], Played]:
    """Return ``results.json`` of the systems whose evaluations are given, and what was played.

    Returns:
        Without comparisons as long as strong SFT is not evaluated.
    """
    rules, prompt = protocol(config), configured_prompt(config)
    measured, played = {}, {}
    for name, folder in evaluated.items():
        measured[name], played[name] = read_evaluation(folder, rules["splits"])
    if measured.keys() >= {WEAK, STRONG}:
        add_gap_recovered(measured, weak=WEAK, ceiling=STRONG)
    if measured.keys() >= {WEAK, CEILING}:
        add_gap_recovered(measured, weak=WEAK, ceiling=CEILING, key="pgr_ceiling")
    results: dict[str, Any] = {
        "env": config.env.name,
        "method": config.method.name,
        "seed": config.seed,
        "pgr": {"weak": WEAK, "ceiling": STRONG},
        "protocol": {**rules, "environment": reading(config)},
        **({} if prompt is None else {"prompt": str(prompt)}),
        "configuration": result_settings(config),
        "systems": measured,
    }
    if STRONG in played:
        compared = {
            name: {split: compare(t, played[STRONG][split]) for split, t in splits.items()}
            for name, splits in played.items()
            if name != STRONG
        }
        add_corrected(compared)
        results["comparisons"] = {"baseline": STRONG, "systems": compared}
    return results, {
        name: [t for of_split in splits.values() for t in of_split]
        for name, splits in played.items()
    }


def notes(config: Config, store: Store, evaluated: Mapping[str, Stage]) -> list[str]:
    """Return what must be known to read the results: a sentence each."""
    stages = with_inputs(evaluated.values())
    found = []
    if few := trees_of_one(config, stages):
        found.append(few)
    for system, stage in evaluated.items():
        for before in with_inputs([stage]):
            report = store.folder(before) / REPORT
            if report.is_file() and not _steps(report):
                found.append(
                    f"{system}: {before.title} found nothing to learn from, so its model is what "
                    "it started from, bit for bit"
                )
    return list(dict.fromkeys(found))


def trees_of_one(config: Config, stages: list[Stage]) -> str | None:
    """Return the question whether trees of a single trajectory are meant, if there are any."""
    if not any(stage.name == "trees" for stage in stages):
        return None
    width = config.explore.trajectories if config.tree.width is None else config.tree.width
    key = "explore.trajectories" if config.tree.width is None else "tree.width"
    if width > 1:
        return None
    return (
        f"{key}=1: each tree is a single trajectory, so nothing diverges in it, and its best path "
        f"is the trajectory itself. Is that meant? Else set {key}=2 or more"
    )


def _steps(report: Path) -> int:
    steps: int = read_json(report, dict[str, Any], "")["steps"]
    return steps
