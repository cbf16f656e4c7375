"""Setup of ``env=scienceworld``: from settings to tasks on disk and an open environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tratree.envs.plugin import Report
from tratree.envs.scienceworld.environment import ScienceWorldEnv
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.settings import ScienceWorldSettings
from tratree.envs.scienceworld.simulator import Simulator
from tratree.envs.scienceworld.tasks import (
    ETO_FILES,
    SPLITS,
    TASK_NAMES,
    Variations,
    eto_step_limits,
    eto_variations,
    has_tasks,
    read_tasks,
    spread,
    write_tasks,
)
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.external_files import ExternalFiles
from tratree.files import write_json
from tratree.trajectory.types import Task

_TASKS = "tasks"
_STEP_LIMITS = "step_limits.json"


def external_files(settings: ScienceWorldSettings) -> dict[str, ExternalFiles | None]:
    """Return ETO's lists where its protocol is played.

    Raises:
        UserError: If they cannot be found.
    """
    if settings.protocol != "eto":
        return {"eto_indices": None}
    folder = _eto_folder(settings.eto_indices)
    return {"eto_indices": ExternalFiles(folder, {name: folder / name for name in ETO_FILES})}


def prepare_data(settings: ScienceWorldSettings, folder: Path, report: Report) -> None:
    """List the tasks in `folder`, with their descriptions, which the simulator draws.

    Args:
        settings: The configuration of the environment.
        folder: Folder to write to; what is already there is kept.
        report: Called with the number of tasks listed and the number wanted.

    Raises:
        UserError: If a task is unknown, or ETO's lists cannot be found.
    """
    step_limits, eto = {}, None
    if settings.protocol == "eto":
        lists = _eto_folder(settings.eto_indices)
        step_limits, eto = eto_step_limits(lists), eto_variations(lists)
        if max(step_limits.values()) > settings.max_steps:
            raise UserError(
                f"env.max_steps={settings.max_steps} would cut ETO's step limits: "
                f"set env.max_steps={max(step_limits.values())}"
            )
    write_json(folder / _STEP_LIMITS, step_limits)
    names = _names(settings.tasks, TASK_NAMES if eto is None else sorted(eto))
    simulator = Simulator(settings.simplification, java=settings.java)
    try:
        wanted = {
            name: _chosen(
                simulator.variations(name) if eto is None else eto[name], settings.variations
            )
            for name in names
        }
        total, done = sum(len(chosen) for chosen in wanted.values()), 0
        for name, chosen in wanted.items():
            if not has_tasks(folder / _TASKS, name):
                tasks = []
                for split, variation in chosen:
                    description = simulator.load(name, variation)
                    tasks.append(Task(f"{name}/{variation}", split, name, description))
                    report(done + len(tasks), total)
                write_tasks(folder / _TASKS, name, tasks)
            done += len(chosen)
            report(done, total)
    finally:
        simulator.close()


def make_env(settings: ScienceWorldSettings, folder: Path, cache: Path) -> ScienceWorldEnv:
    """Open the environment on the tasks that `prepare_data` listed."""
    simplification, java = settings.simplification, settings.java
    return ScienceWorldEnv(
        list(read_tasks(folder / _TASKS)),
        Simulator(simplification, java=java, deterministic=settings.deterministic),
        GoldPaths(
            simplification, cache / "scienceworld", java, plain=settings.gold_paths == "plain"
        ),
        settings,
        json.loads((folder / _STEP_LIMITS).read_text("utf-8")),
    )


def _names(wanted: Sequence[str] | None, available: tuple[str, ...] | list[str]) -> list[str]:
    unknown = sorted(set(wanted or ()) - set(available))
    if unknown:
        raise UserError(f"env.tasks has unknown {unknown[0]}: use some of {', '.join(available)}")
    return sorted(set(wanted)) if wanted else list(available)


def _chosen(variations: Variations, count: int | None) -> list[tuple[str, int]]:
    return [(split, v) for split in SPLITS for v in spread(variations[split], count)]


def _eto_folder(configured: str | None) -> Path:
    folder = Path(configured).expanduser() if configured else external_data("eto/sciworld")
    if folder is None:
        raise UserError(
            "env.protocol=eto needs ETO's index lists: set env.eto_indices to the folder with "
            "train_indices.json, dev_indices.json, test_indices.json and max_steps.json"
        )
    return folder.absolute()
