"""Stage ``games``: what an environment plays on, made or found."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from tratree.config import Config
from tratree.envs.base import TextEnv, notes
from tratree.envs.registry import external_files, make_env, prepare_data
from tratree.external_files import located
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage

_VERSIONS = {"webshop": 2}
"""Of what an environment makes for equal settings; 1 if it is not named."""


def games_stage(config: Config) -> Stage:
    """Make or find the games. They do not depend on the run's seed."""
    version = _VERSIONS.get(config.env.name, 1)
    return Stage("games", {"env": game_settings(config)}, _prepare, version=version)


def game_settings(config: Config) -> dict[str, Any]:
    """Return what episodes depend on: the configuration of the environment.

    External files are named by what they hold. A key that has a default in the schema came later
    than stored results, and is left out where it has its default.

    Raises:
        UserError: If external files are not found.
    """
    env = config.env
    settings = {
        field.name: getattr(env, field.name)
        for field in fields(env)
        if field.default == MISSING or getattr(env, field.name) != field.default
    }
    store = Path(config.store)
    cache = store / "cache" / "digests" if store.is_dir() else None
    for key, found in external_files(settings).items():
        settings[key] = None if found is None else found.digest(cache)
    return settings


def open_env(games: Path, cache: Path) -> TextEnv:
    """Open the environment whose settings and games a finished ``games`` stage holds."""
    return env_opener(games, cache)()


def env_maker(job: Job) -> partial[TextEnv]:
    """Return a picklable function that opens the environment of the job's games."""
    return env_opener(job.inputs["games"], job.resources.cache)


def env_opener(games: Path, cache: Path) -> partial[TextEnv]:
    """Return a picklable function that opens the environment of a finished ``games`` stage."""
    return partial(
        make_env, _with_folders(read_description(games)["settings"]["env"]), games, cache
    )


def _with_folders(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: located(value) for key, value in settings.items()}


def say_notes(job: Job, env: TextEnv, split: str) -> None:
    """Say what people should know about the tasks of a split."""
    for note in notes(env, split):
        job.progress.message(f"  {split}: {note}")


def _prepare(job: Job) -> None:
    with job.progress.bar("games", None) as advance:
        prepare_data(
            _with_folders(job.settings["env"]),
            job.folder,
            lambda done, total: advance(done, total=total),
        )
