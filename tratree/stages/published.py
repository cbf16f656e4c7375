"""Published demonstrations: which of a file are taken, so that no held-out task is trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tratree.envs.base import TextEnv
from tratree.envs.identify import Identifier, Identity, opens_alike
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.files import file_digest
from tratree.policy.prompt import Prompt, without_prompt
from tratree.stages.environment import env_maker, tasks_here
from tratree.stages.tasks import shuffled
from tratree.store.finished import read_description
from tratree.store.stage import Job
from tratree.trajectory.reading.read import Reading, read_trajectory_files
from tratree.trajectory.selection import select_trajectories
from tratree.trajectory.types import Task, Trajectory
from tratree.words import counted

REPORT = "report.json"
"""Counts of the records taken and skipped, with reasons."""

HELD_OUT = "of a held-out task"
UNIDENTIFIED = (
    "its task cannot be told, and could be a held-out one (expert.train_unidentified=true takes it)"
)


def content_digest(path: Path) -> str:
    """Return a digest of a file, or of the names and contents of all files of a folder.

    Raises:
        UserError: If it can't be read.
    """
    try:
        if not path.is_dir():
            return file_digest(path).hex()
        files = sorted(p for p in path.rglob("*") if p.is_file())
        every = {file.relative_to(path).as_posix(): file_digest(file).hex() for file in files}
        return sha256(json.dumps(every).encode()).hexdigest()
    except OSError as error:
        raise UserError(
            f"expert.demonstrations={path} cannot be read ({error.strerror}): correct the path"
        ) from error


def take_published(path: Path, job: Job) -> list[Trajectory]:
    """Return the demonstrations of a file that are taken, in the order of the run's seed.

    Writes the report, and says in a few lines how many were left out and why.

    Raises:
        UserError: If nothing of it can be read, or nothing is left.
    """
    settings = job.settings
    env_settings = read_description(job.inputs["games"])["settings"]["env"]
    reading = read_trajectory_files(path, env_settings["name"])
    if "prompt" in settings:
        prompt = Prompt.from_json(settings["prompt"])
        reading.trajectories[:] = [without_prompt(t, prompt) for t in reading.trajectories]
    read = len(reading.trajectories)
    with_ids = sum(any(step.token_ids for step in t.steps) for t in reading.trajectories)
    if with_ids:
        reading.notes["trajectories whose token ids are not used, as models read their texts"] += (
            with_ids
        )
    with closing(env_maker(job)()) as env:
        identities = _identify(env, reading, job)
    known = sum(i.task is not None for i in identities)
    unknown = sum(i.task is None and not i.held_out for i in identities)
    left_out = _left_out(reading, identities, settings)
    kept = [
        _as_demonstration(trajectory, identity.task, settings["split"])
        for number, (trajectory, identity) in enumerate(
            zip(reading.trajectories, identities, strict=True)
        )
        if number not in left_out
    ]
    reading.leave_out(left_out)
    if settings["per_task"] is not None:
        kept.sort(key=lambda t: t.task.task_id)
        kept = select_trajectories(kept, keep="all", per_task=settings["per_task"])
    taken = shuffled(kept, settings["seed"])[: settings["tasks"]]
    report = {**reading.to_json(), "taken": len(taken), "unidentified": unknown}
    (job.folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    held_out = sum(reason == HELD_OUT for reason in left_out.values())
    job.progress.message(
        f"  {counted(read, 'demonstration')} in {path.name}: {known} of tasks that are known here, "
        f"{held_out} of held-out ones, which are left out; {unknown} could not be identified; "
        f"{len(taken)} taken"
    )
    for count, reason in reading.reasons():
        if not reason.startswith(HELD_OUT):
            job.progress.message(f"  {count} left out: {reason}")
    for what, count in sorted(reading.notes.items()):
        job.progress.message(f"  {what}: {count}")
    if not taken:
        raise UserError(
            f"{path} has no demonstration that may be taken: "
            f"{Counter(left_out.values()).most_common(1)[0][0]}"
        )
    return taken


def _identify(env: TextEnv, reading: Reading, job: Job) -> list[Identity]:
    """Identify the trajectories, and put them into the words of the environment as it is here."""
    settings = job.settings
    tasks = tasks_here(env, settings["splits"])
    identifier = Identifier(settings["environment"], tasks, settings["split"])
    plugin = ENVIRONMENTS.find(settings["environment"])
    env_settings = plugin.settings(**read_description(job.inputs["games"])["settings"]["env"])
    openings: dict[str, str] = {}

    def opening(task: Task) -> str:
        if task.task_id not in openings:
            openings[task.task_id] = env.reset(task).observation
        return openings[task.task_id]

    identities = []
    for number, trajectory in enumerate(reading.trajectories):
        found, moved, changes = identifier.read(trajectory, env_settings)
        alike = settings["train_unidentified"] and found.candidates
        if alike and opens_alike(moved, opening, found.candidates or ()):
            found = Identity(held_out=True)
        identities.append(found)
        reading.contradict(number, found.contradicting)
        reading.trajectories[number] = moved
        reading.notes.update(changes)
    return identities


def _left_out(
    reading: Reading, identities: list[Identity], settings: Mapping[str, Any]
) -> dict[int, str]:
    """Return the reason for each trajectory that is not taken."""
    lowest = float(settings["minimum_score"])
    reasons: dict[int, str] = {}
    for number, (trajectory, identity) in enumerate(
        zip(reading.trajectories, identities, strict=True)
    ):
        failed = trajectory.scored and (
            trajectory.score < lowest or (lowest == 1 and not trajectory.success)
        )
        if identity.held_out:
            reasons[number] = HELD_OUT
        elif identity.could_be_held_out and not settings["train_unidentified"]:
            reasons[number] = UNIDENTIFIED
        elif failed:
            reasons[number] = f"its score is below expert.minimum_score={lowest:g}, or it failed"
        elif trajectory.record.get("part") == "rejected" and not trajectory.scored:
            reasons[number] = "the rejected one of a pair, without a score"
        elif not any(step.trained for step in trajectory.steps):
            reasons[number] = "no turn of it is a target of a training"
    return reasons


def _as_demonstration(trajectory: Trajectory, task: Task | None, split: str) -> Trajectory:
    """Name the task as here; keep texts only, as another tokenizer's ids would mean other words.

    An unknown score counts as that of a success. What only an export to the old format needs goes.
    """
    known = task or replace(trajectory.task, split=split)
    steps = tuple(replace(step, token_ids=(), inserted=()) for step in trajectory.steps)
    outcome = {} if trajectory.scored else {"score": 1.0, "success": True, "scored": True}
    told = replace(trajectory, task=known, source="expert", record={}, steps=steps, replayed=0)
    return replace(told, **outcome)  # type: ignore[arg-type]
