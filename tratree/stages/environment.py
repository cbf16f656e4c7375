"""Stage ``games``, what an environment plays on, made or found; and opening the environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.envs.base import TextEnv, notes
from tratree.envs.registry import (
    ENVIRONMENTS,
    external_files,
    make_env,
    prepare_data,
    reference_of,
)
from tratree.errors import UserError
from tratree.external_files import located
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.policy.prompt import Prompt, read_prompt
from tratree.settings import defaults, plain
from tratree.store.finished import read_description
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources, Stage
from tratree.store.store import Store
from tratree.trajectory.types import Task

LATER = ("target", "show_admissible", "show_at_most", "forgiving", "expert", "distinct_goals")
"""Settings that came after stored results."""


def games_stage(config: Config) -> Stage:
    """Make or find the games. They depend neither on the run's seed nor on the prompt."""
    plugin = ENVIRONMENTS.find(reference_of(vars(config.env)))
    return Stage(
        "games",
        {"env": env_settings(config)},
        _prepare,
        version=plugin.version,
        code=(plugin.prepare, plugin.make),
        resumes=plugin.resumes,
    )


def env_settings(config: Config) -> dict[str, Any]:
    """Return what episodes depend on: the environment's own settings, without the models' prompt.

    External files are named by what they hold. Settings that are younger than stored results are
    left out where they have their default.

    Raises:
        UserError: If external files are not found.
    """
    settings, default = plain(config.env), defaults(type(config.env))
    del settings["prompt"]
    for key in LATER:
        if key in settings and settings[key] == default[key]:
            del settings[key]
    store = Path(config.store)
    cache = store / "cache" / "digests" if store.is_dir() else None
    for key, found in external_files(config.env).items():
        settings[key] = None if found is None else found.digest(cache)
    return settings


def configured_prompt(config: Config) -> Prompt | None:
    """Return the prompt that the files of ``env.prompt`` hold; None without files.

    Raises:
        UserError: If a file cannot be read or has another form.
    """
    files = config.env.prompt
    return read_prompt(files.rules, files.examples, files.count)


def open_env(games: Path, cache: Path) -> TextEnv:
    """Open the environment whose settings and games a finished ``games`` stage holds."""
    return env_opener(games, cache)()


@contextmanager
def opened(config: Config) -> Iterator[TextEnv]:
    """Open the environment of a configuration; its games are made or found in the run's store."""
    root = Path(config.store).absolute()
    cache = root / "cache"
    store = Store(root, Resources(WorkerSettings(), EngineSettings(1), cache), Progress())
    games = games_stage(config)
    with store.using([games]), closing(open_env(store.ensure(games), cache)) as env:
        yield env


def tasks_of(env: TextEnv, config: Config, split: str) -> list[Task]:
    """Return the tasks of a split, named as in ``env.splits``.

    Raises:
        UserError: If there is no such split, or no data of it.
    """
    if split not in config.env.splits:
        raise UserError(f"--split {split} is not known: use one of {', '.join(config.env.splits)}")
    return env.tasks(config.env.splits[split])


def tasks_here(env: TextEnv, splits: Iterable[str]) -> dict[str, Task]:
    """Return the tasks of those splits that there are data of, by their ids."""
    tasks: dict[str, Task] = {}
    for split in splits:
        with suppress(UserError):
            tasks |= {task.task_id: task for task in env.tasks(split)}
    return tasks


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
