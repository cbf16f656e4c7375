"""Shared code of the commands about an environment: opening it, and naming its splits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.environment import games_stage, open_env
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store
from tratree.trajectory.types import Task


@contextmanager
def opened(config: Config) -> Iterator[TextEnv]:
    """Open the environment of a configuration; its games are made or found in the run's store."""
    root = Path(config.store).absolute()
    cache = root / "cache"
    store = Store(root, Resources(WorkerSettings(), EngineSettings(1), cache), Progress())
    with closing(open_env(store.ensure(games_stage(config)), cache)) as env:
        yield env


def tasks_of(env: TextEnv, config: Config, split: str) -> list[Task]:
    """Return the tasks of a split, named as in ``env.splits``.

    Raises:
        UserError: If there is no such split, or no data of it.
    """
    if split not in config.env.splits:
        raise UserError(f"--split {split} is not known: use one of {', '.join(config.env.splits)}")
    return env.tasks(config.env.splits[split])
