"""Stage ``demonstrations``: the expert plays some of the training tasks, or a file holds them."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.envs.base import NoExpertError, play_expert
from tratree.envs.registry import reference_of
from tratree.errors import UserError
from tratree.stages.environment import configured_prompt, env_maker, games_stage, say_notes
from tratree.stages.published import content_digest, take_published
from tratree.stages.tasks import demonstrated_tasks, explored_tasks
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.words import counted

DEMONSTRATIONS = "demonstrations.jsonl"


def demonstrations_stage(config: Config, label: str = "", *, explored_too: bool = False) -> Stage:
    """Let the expert play and keep solved episodes, or take those of ``expert.demonstrations``.

    Args:
        config: Of the run.
        label: Distinguishes it from other demonstrations of the run.
        explored_too: Whether the expert also plays the tasks that models explore; of a file, all
            demonstrations are taken.

    Raises:
        UserError: If there is no such file.
    """
    settings = {
        "split": config.env.splits["train"],
        "tasks": config.expert.tasks,
        "seed": config.seed,
    }
    explored_too = explored_too and config.expert.tasks is not None
    inputs = {"games": games_stage(config)}
    expert = config.expert
    if expert.demonstrations is None:
        if explored_too:
            settings["explored"] = config.explore.tasks
        return Stage("demonstrations", settings, _demonstrate, inputs, version=3, label=label)
    path = Path(expert.demonstrations).absolute()
    published: dict[str, Any] = {
        **settings,
        "tasks": None if explored_too else expert.tasks,
        "content": content_digest(path),
        "environment": reference_of(vars(config.env)),
        "splits": sorted(config.env.splits.values()),
        "minimum_score": expert.minimum_score,
        "per_task": expert.per_task,
        "train_unidentified": expert.train_unidentified,
    }
    prompt = configured_prompt(config)
    if prompt is not None:  # a demonstration that begins with it is not given it twice
        published["prompt"] = prompt.to_json()
    return Stage("demonstrations", published, partial(_take, path), inputs, version=3, label=label)


def _demonstrate(job: Job) -> None:
    settings = job.settings
    with closing(env_maker(job)()) as env:
        every, seed = env.tasks(settings["split"]), settings["seed"]
        tasks = demonstrated_tasks(every, settings["tasks"], seed)
        if "explored" in settings:
            explored = explored_tasks(every, settings["explored"], seed)
            tasks = list(dict.fromkeys([*tasks, *explored]))
        say_notes(job, env, settings["split"])
        played, refused = [], []
        with job.progress.bar("demonstrations", len(tasks)) as advance:
            for done, task in enumerate(tasks, 1):
                try:
                    played.append(play_expert(env, task))
                except NoExpertError as error:
                    refused.append(str(error))
                advance(done)
    solved = [trajectory for trajectory in played if trajectory.success]
    job.progress.message(f"  the expert solved {len(solved)} of {counted(len(played), 'task')}")
    if refused:
        job.progress.message(f"  it cannot play {len(refused)} more, the first: {refused[0]}")
    if not solved:
        raise UserError(
            f"the expert solved none of {counted(len(tasks), 'task')}, so there is nothing to "
            "learn from it: "
            + (refused[0] if refused else "set expert.demonstrations to a file of demonstrations")
        )
    write_trajectories(job.folder / DEMONSTRATIONS, solved)


def _take(path: Path, job: Job) -> None:
    write_trajectories(job.folder / DEMONSTRATIONS, take_published(path, job))
