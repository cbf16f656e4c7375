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
from tratree.envs.webshop import actions as webshop_actions
from tratree.envs.webshop import published as webshop_published
from tratree.envs.webshop import setup as webshop
from tratree.errors import UserError

_ROOMS = {"alfworld": alfworld, "scienceworld": scienceworld, "webshop": webshop}
_PUBLISHED: Mapping[str, Any] = {
    "alfworld": alfworld_published,
    "scienceworld": scienceworld_published,
    "webshop": webshop_published,
}
_ACTION_KEYS: Mapping[str, Callable[[str], str]] = {
    "alfworld": alfworld_actions.action_key,
    "scienceworld": scienceworld_actions.action_key,
    "webshop": webshop_actions.action_key,
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
    return _room(settings).make_env(settings, folder, cache)


def published_names(name: str) -> Any:
    """Return the module that knows how others name the tasks of environment `name`."""
    return _PUBLISHED[name]


def action_key(name: str) -> Callable[[str], str]:
    """Return the rule of environment `name`: actions of one key have the same effect in it."""
    return _ACTION_KEYS[name]


def _room(settings: Mapping[str, Any]) -> Any:
    if settings["name"] not in _ROOMS:
        raise UserError(
            f"env.name={settings['name']} is not known: use one of {', '.join(sorted(_ROOMS))}"
        )
    return _ROOMS[settings["name"]]
