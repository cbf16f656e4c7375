"""Environments by name: how their data is made or found, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tratree.envs.alfworld import actions as alfworld_actions
from tratree.envs.alfworld import published as alfworld_published
from tratree.envs.alfworld import setup as alfworld
from tratree.envs.base import TextEnv
from tratree.envs.scienceworld import actions as scienceworld_actions
from tratree.envs.scienceworld import published as scienceworld_published
from tratree.envs.scienceworld import setup as scienceworld
from tratree.envs.shown_actions import ShownActions
from tratree.envs.webshop import actions as webshop_actions
from tratree.envs.webshop import published as webshop_published
from tratree.envs.webshop import setup as webshop
from tratree.errors import UserError
from tratree.external_files import ExternalFiles
from tratree.trajectory.types import Task, Trajectory

_ROOMS = {"alfworld": alfworld, "scienceworld": scienceworld, "webshop": webshop}
_PUBLISHED: Mapping[str, Any] = {
    "alfworld": alfworld_published,
    "scienceworld": scienceworld_published,
    "webshop": webshop_published,
}
_ACTION_KEYS: Mapping[str, Callable[[str], str]] = {
    "alfworld": alfworld_actions.action_key,
    "alfworld forgiving": alfworld_actions.forgiving_key,
    "scienceworld": scienceworld_actions.action_key,
    "scienceworld forgiving": scienceworld_actions.forgiving_key,
    "webshop": webshop_actions.action_key,
    "webshop forgiving": webshop_actions.forgiving_key,
}


def prepare_data(
    settings: Mapping[str, Any], folder: Path, report: Callable[[int, int], None]
) -> None:
    """Put what the environment needs into `folder`, going on from what is already there.

    `report` is called with the amount done so far and the whole amount.

    Raises:
        UserError: If data that the settings name cannot be found.
    """
    _room(settings).prepare_data(settings, folder, report)


def make_env(settings: Mapping[str, Any], folder: Path, cache: Path) -> TextEnv:
    """Open the environment on what `prepare_data` left in `folder`."""
    env: TextEnv = _room(settings).make_env(settings, folder, cache)
    return ShownActions(env) if settings.get("show_admissible") else env


def external_files(settings: Mapping[str, Any]) -> Mapping[str, ExternalFiles | None]:
    """Return the external files by the setting that names their folder.

    None if the files are not used with these settings, so that the folder does not matter.

    Raises:
        UserError: If files that the settings name cannot be found.
    """
    return dict(_room(settings).external_files(settings))


def published_task(name: str, tasks: Mapping[str, Task], trajectory: Trajectory) -> Task | None:
    """Return the task that a published trajectory is of, if it is among `tasks`.

    Its id must tell, and its first observation must say what the task says: in another catalogue
    the same number is another task.

    Args:
        name: Of the environment.
        tasks: Its tasks by id.
        trajectory: With the id that its publisher gave.
    """
    published = _PUBLISHED[name]
    task = tasks.get(published.own_task_id(trajectory.task.task_id))
    if task is None:
        return None
    said = " ".join(trajectory.first_observation.split())
    return task if " ".join(published.gist(task.instruction).split()) in said else None


def action_rule(settings: Any) -> str:
    """Return the name of an environment's rule for `action_key`, given its configuration."""
    return f"{settings.name} forgiving" if settings.forgiving else str(settings.name)


def action_key(name: str) -> Callable[[str], str]:
    """Return a rule by its `action_rule`: actions of one key have the same effect."""
    return _ACTION_KEYS[name]


def _room(settings: Mapping[str, Any]) -> Any:
    if settings["name"] not in _ROOMS:
        raise UserError(
            f"env.name={settings['name']} is not known: use one of {', '.join(sorted(_ROOMS))}"
        )
    return _ROOMS[settings["name"]]
