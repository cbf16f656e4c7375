"""Stage ``games``: what an environment plays on, made or found."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.envs.registry import make_env, prepare_data
from tratree.settings import plain
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage

_VERSIONS = {"webshop": 2}
"""Of what an environment makes for equal settings; 1 if it is not named."""

_RESUMED = (
    "json_2.1.1/*/*/trial_*/traj_data.json",
    "json_2.1.1/*/*/trial_*/initial_state.pddl",
    "json_2.1.1/*/*/trial_*/game.tw-pddl",
    "tasks/[!.]*.json",
)
"""Games of ALFWorld and lists of ScienceWorld's tasks that are complete: each appears by a rename."""


def games_stage(config: Config) -> Stage:
    """Make or find the games. They do not depend on the run's seed."""
    version = _VERSIONS.get(config.env.name, 1)
    settings = {"env": plain(config.env)}
    return Stage("games", settings, _prepare, version=version, resumes=_RESUMED)


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
