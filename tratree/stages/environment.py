"""Stage ``games``: what an environment plays on, made or found."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.envs.registry import ENVIRONMENTS, make_env, prepare_data, reference_of
from tratree.policy.prompt import Prompt, read_prompt
from tratree.settings import plain
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage


def games_stage(config: Config) -> Stage:
    """Make or find the games. They depend neither on the run's seed nor on the prompt."""
    settings = env_settings(config)
    plugin = ENVIRONMENTS.find(reference_of(settings))
    return Stage(
        "games",
        {"env": settings},
        _prepare,
        version=plugin.version,
        code=(plugin.prepare, plugin.make),
        resumes=plugin.resumes,
    )


def env_settings(config: Config) -> dict[str, Any]:
    """Return the environment's own settings, without the prompt that models are given."""
    left_out = {"prompt"} if config.env.target else {"prompt", "target"}
    return {key: value for key, value in plain(config.env).items() if key not in left_out}


def configured_prompt(config: Config) -> Prompt | None:
    """Return the prompt that the files of ``env.prompt`` hold; None without files.

    Raises:
        UserError: If a file cannot be read or has another form.
    """
    files = config.env.prompt
    return read_prompt(files.rules, files.examples, files.count)


def open_env(games: Path, cache: Path) -> TextEnv:
    """Open the environment whose settings and games a finished ``games`` stage holds."""
    return make_env(read_description(games)["settings"]["env"], games, cache)


def env_maker(job: Job) -> partial[TextEnv]:
    """Return a picklable function that opens the environment of the job's games."""
    return partial(open_env, job.inputs["games"], job.resources.cache)


def _prepare(job: Job) -> None:
    with job.progress.bar("games", None) as advance:
        prepare_data(
            job.settings["env"], job.folder, lambda done, total: advance(done, total=total)
        )
