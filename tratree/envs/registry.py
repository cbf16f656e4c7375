"""Environments by name or target: how their data is made or found, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tratree.envs.base import TextEnv
from tratree.envs.plugin import EnvironmentPlugin, Report
from tratree.plugins import PluginGroup
from tratree.trajectory.types import Task, Trajectory

ENVIRONMENTS = PluginGroup("tratree.environments", "env", EnvironmentPlugin)


def reference_of(settings: Mapping[str, Any]) -> str:
    """Return what finds the environment of some settings: its target if they name one, or name."""
    return str(settings.get("target") or settings["name"])


def prepare_data(settings: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Put what the environment needs into `folder`, resuming from what is already there.

    Raises:
        UserError: If a setting is wrong, or data that the settings name cannot be found.
    """
    plugin = ENVIRONMENTS.find(reference_of(settings))
    plugin.prepare(plugin.settings(**settings), folder, report)


def make_env(settings: Mapping[str, Any], folder: Path, cache: Path) -> TextEnv:
    """Open the environment on what `prepare_data` left in `folder`."""
    plugin = ENVIRONMENTS.find(reference_of(settings))
    return plugin.make(plugin.settings(**settings), folder, cache)


def published_task(
    reference: str, tasks: Mapping[str, Task], trajectory: Trajectory
) -> Task | None:
    """Return the task that a published trajectory is of, if it is among `tasks`.

    Its id must tell, and its first observation must say what the task says: in another catalogue
    the same number is another task.

    Args:
        reference: Name or target of the environment.
        tasks: Its tasks by id.
        trajectory: With the id that its publisher gave.
    """
    plugin = ENVIRONMENTS.find(reference)
    task_id = plugin.own_task_id(trajectory.task.task_id)
    task = None if task_id is None else tasks.get(task_id)
    if task is None:
        return None
    said = " ".join(trajectory.first_observation.split())
    return task if " ".join(plugin.gist(task.instruction).split()) in said else None


def action_key(reference: str) -> Callable[[str], str]:
    """Return the rule of an environment: actions of one key have the same effect in it."""
    return ENVIRONMENTS.find(reference).action_key
