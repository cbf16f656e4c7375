"""Stage ``demonstrations``: the expert plays some of the training tasks, or a file holds them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.envs.base import play_expert
from tratree.envs.registry import published_task, reference_of
from tratree.errors import UserError
from tratree.policy.prompt import Prompt, without_prompt
from tratree.stages.environment import configured_prompt, env_maker, games_stage
from tratree.stages.tasks import demonstrated_tasks, explored_tasks, shuffled
from tratree.store.stage import Job, Stage
from tratree.trajectory.conversations import read_any
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Task, Trajectory

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
    if config.expert.demonstrations is None:
        if explored_too:
            settings["explored"] = config.explore.tasks
        return Stage("demonstrations", settings, _demonstrate, inputs, version=3, label=label)
    path = Path(config.expert.demonstrations).absolute()
    try:
        content = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"expert.demonstrations={path} cannot be read ({error.strerror}): correct the path"
        ) from error
    published: dict[str, Any] = {
        **settings,
        "tasks": None if explored_too else config.expert.tasks,
        "content": content,
        "environment": reference_of(vars(config.env)),
        "splits": sorted(config.env.splits.values()),
    }
    prompt = configured_prompt(config)
    if prompt is not None:  # a demonstration that begins with it is not given it twice
        published["prompt"] = prompt.to_json()
    return Stage("demonstrations", published, partial(_take, path), inputs, version=2, label=label)


def _demonstrate(job: Job) -> None:
    settings = job.settings
    env = env_maker(job)()
    try:
        every, seed = env.tasks(settings["split"]), settings["seed"]
        tasks = demonstrated_tasks(every, settings["tasks"], seed)
        if "explored" in settings:
            explored = explored_tasks(every, settings["explored"], seed)
            tasks = list(dict.fromkeys([*tasks, *explored]))
        played = []
        with job.progress.bar("demonstrations", len(tasks)) as advance:
            for task in tasks:
                played.append(play_expert(env, task))
                advance(len(played))
    finally:
        env.close()
    solved = [trajectory for trajectory in played if trajectory.success]
    job.progress.message(f"  the expert solved {len(solved)} of {len(played)} tasks")
    write_trajectories(job.folder / DEMONSTRATIONS, solved)


def _take(path: Path, job: Job) -> None:
    """Take published trajectories; none of a held-out task, or the evaluation would be void."""
    settings = job.settings
    published = read_any(path)
    if "prompt" in settings:
        prompt = Prompt.from_json(settings["prompt"])
        published = [without_prompt(trajectory, prompt) for trajectory in published]
    env = env_maker(job)()
    try:
        tasks: dict[str, Task] = {}
        for split in settings["splits"]:
            with suppress(UserError):  # there may be no data of this split
                tasks |= {task.task_id: task for task in env.tasks(split)}
    finally:
        env.close()
    found = [published_task(settings["environment"], tasks, t) for t in published]
    train = settings["split"]
    kept = [
        _relabelled(trajectory, task, train)
        for trajectory, task in zip(published, found, strict=True)
        if task is None or task.split == train
    ]
    known = sum(task is not None for task in found)
    taken = shuffled(kept, settings["seed"])[: settings["tasks"]]
    job.progress.message(
        f"  {len(published)} demonstrations in {path.name}: {known} of tasks that are known here, "
        f"{len(published) - len(kept)} of held-out ones, which are left out; {len(taken)} taken"
    )
    if not taken:
        raise UserError(f"{path} has no demonstration that is not of a held-out task: use another")
    write_trajectories(job.folder / DEMONSTRATIONS, taken)


def _relabelled(trajectory: Trajectory, task: Task | None, split: str) -> Trajectory:
    """Name the task as here, and leave out what only an export to the old format needs."""
    known = task or replace(trajectory.task, split=split)
    return replace(trajectory, task=known, source="expert", record={})
