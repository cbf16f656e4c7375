"""Replay for ``tratree convert --replay``: each trajectory is played again in its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tratree.composition import compose_config
from tratree.envs.base import TextEnv
from tratree.envs.identify import Identifier
from tratree.envs.moved_names import renamed
from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.registry import ENVIRONMENTS, reference_of
from tratree.envs.replay import replay
from tratree.errors import UserError
from tratree.stages.environment import opened, tasks_here
from tratree.trajectory.goal_words import goal_words
from tratree.trajectory.reading.read import Reading
from tratree.trajectory.types import Task, Trajectory

DIFFERENCES = ("report", "fix", "drop")
"""Choices for a trajectory that differs from what is seen here."""


def replay_all(
    reading: Reading, overrides: Sequence[str], environment: str | None, differences: str
) -> None:
    """Play the trajectories again, in the words of the environment as it is here.

    Args:
        reading: Trajectories that were read; gets notes, and loses or changes
            trajectories as `differences` says.
        overrides: Of the configuration, such as ``env=webshop``.
        environment: That of records that do not tell.
        differences: One of `DIFFERENCES`.

    Raises:
        UserError: If the environment is not clear, or cannot be opened.
    """
    if not any(override.startswith("env=") for override in overrides):
        told = {str(t.record.get("environment") or environment) for t in reading.trajectories}
        known = sorted(told & set(ENVIRONMENTS.names()))
        if len(known) != 1:
            raise UserError("--replay plays in one environment: say which, such as env=webshop")
        overrides = [f"env={known[0]}", *overrides]
    config = compose_config(overrides)
    reference = reference_of(vars(config.env))
    plugin = ENVIRONMENTS.find(reference)
    left_out: dict[int, str] = {}
    with opened(config) as env:
        tasks = tasks_here(env, config.env.splits.values())
        identifier = Identifier(reference, tasks, config.env.splits["train"])
        for number, trajectory in enumerate(reading.trajectories):
            found, moved, changes = identifier.read(trajectory, config.env)
            task = found.task
            if task is None and (task := _opening_so(env, tasks, moved)) is not None:
                reading.notes["replayed: the task is told by the opening only"] += 1
                moved, changes = renamed(trajectory, plugin.moved_names(config.env, task))
            task = task or _other_task(plugin, trajectory)
            reading.notes.update(changes)
            reading.trajectories[number] = moved
            try:
                if task is None:
                    raise UserError("its task cannot be told")
                played = replay(env, task, moved)
            except UserError as error:
                reading.notes["replayed: not, as the task is not here"] += 1
                reading.replayed.append((reading.places[number], f"not replayed: {error}"))
                if differences == "drop":
                    left_out[number] = "it cannot be replayed"
                continue
            solved = "solved" if played.trajectory.success else "not solved"
            reading.notes[f"replayed: {solved} here"] += 1
            if differences == "fix":
                reading.trajectories[number] = played.trajectory
            if not played.differs:
                continue
            reading.notes["replayed: something differs"] += 1
            reading.replayed.append((reading.places[number], str(played)))
            if differences == "drop":
                left_out[number] = f"replayed, it differs: {played}"
    reading.leave_out(left_out)


def _opening_so(env: TextEnv, tasks: Mapping[str, Task], trajectory: Trajectory) -> Task | None:
    """Return the task that a trajectory opens as; of several, one that it replays the same in."""
    told = " ".join(trajectory.first_observation.split())
    goal = f" {' '.join(goal_words(told))} "
    same = [
        task
        for task in tasks.values()
        if f" {' '.join(goal_words(task.instruction))} " in goal
        and " ".join(env.reset(task).observation.split()) in told
    ]
    alike = (t for t in same[1:] and same if not replay(env, t, trajectory).differs)
    return next(alike, same[0] if same else None)


def _other_task(plugin: EnvironmentPlugin, trajectory: Trajectory) -> Task | None:
    """Return the task that a name means though no split has it: not all tasks are always listed."""
    for name in trajectory.record.get("names", [trajectory.task.task_id]):
        task_id = plugin.own_task_id(name)
        if task_id:
            return Task(task_id, "", "", "")
    return None
