"""Every environment at a small size, opened as the pipeline opens it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tratree.composition import compose_config
from tratree.envs.base import StepResult, TextEnv
from tratree.envs.registry import make_env, prepare_data
from tratree.trajectory.types import Task

SMALL = {
    "alfworld": ("env.train_games=6", "env.held_out_games=2"),
    "scienceworld": ("env.tasks=[lifespan-longest-lived]", "env.variations=4"),
    "webshop": ("env.products=600",),
}
"""Overrides by environment; another environment is opened as it is."""


class Room:
    """One environment's settings and data, from which it can be opened any number of times.

    It can be pickled, as worker processes need.

    Attributes:
        name: Of the environment.
        settings: Its configuration.
        folder: Its data.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.settings: dict[str, Any] = asdict(
            compose_config([f"env={name}", *SMALL.get(name, ())]).env
        )
        prepare_data(self.settings, folder, lambda done, total: None)

    def open(self) -> TextEnv:
        """Open the environment."""
        return make_env(self.settings, self.folder, self.folder / "cache")

    @property
    def split(self) -> str:
        """The environment's name of the training split."""
        return self.settings["splits"]["train"]


def play(env: TextEnv, task: Task, actions: list[str]) -> list[StepResult]:
    """Return the results of the reset and of every action."""
    return [env.reset(task), *(env.step(action) for action in actions)]
