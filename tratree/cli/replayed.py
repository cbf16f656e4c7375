"""Replay for ``tratree convert --replay``: each trajectory is played again in its environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tratree.composition import compose_config
from tratree.envs.base import TextEnv
from tratree.envs.identify import Identifier, Identity
from tratree.envs.moved_names import renamed
from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.registry import ENVIRONMENTS, reference_of
from tratree.envs.replay import Replay, opens_as, replay
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
    harmless = ENVIRONMENTS.find(reference).harmless
    left_out: dict[int, str] = {}
    with opened(config) as env:
        tasks = tasks_here(env, config.env.splits.values())
        identifier = Identifier(reference, tasks, config.env.splits["train"])
        finder = _TaskOfOpening(env, tasks, config.env, ENVIRONMENTS.find(reference))
        for number, trajectory in enumerate(reading.trajectories):
            found, moved, changes = identifier.read(trajectory, config.env)
            reading.contradict(number, found.contradicting)
            try:
                task, remark = finder.task(found, trajectory)
                if task is not None and task != found.task:
                    moved, changes = finder.said_here(trajectory, task)
                reading.notes.update([remark] if remark else [])
                reading.notes.update(changes)
                reading.trajectories[number] = moved
                if task is None:
                    raise UserError("its task cannot be told")
                played = replay(env, task, moved, harmless)
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
            for how, count in played.harmless.items():
                reading.notes[f"replayed: observations {how}"] += count
            if played.differs or played.harmless or played.beyond:
                reading.replayed.append((reading.places[number], str(played)))
            if not played.differs:
                continue
            reading.notes["replayed: something differs"] += 1
            if differences == "drop":
                left_out[number] = f"replayed, it differs: {played}"
    reading.leave_out(left_out)


class _TaskOfOpening:
    """Finds the task that a trajectory opens as."""

    def __init__(
        self, env: TextEnv, tasks: Mapping[str, Task], settings: Any, plugin: EnvironmentPlugin
    ) -> None:
        self._env = env
        self._settings = settings
        self._plugin = plugin
        self._goals = [
            [(_goal(reading(task.instruction)), task) for task in tasks.values()]
            for reading in (str, plugin.gist)
        ]

    def task(self, found: Identity, trajectory: Trajectory) -> tuple[Task | None, str]:
        """Return the task to replay a trajectory in, and a note if its names did not tell it.

        Of tasks that its names mean, and else of all, it is the one that it opens as; of several,
        one that it replays the same in. If it opens as none, it is the one that is named, which may
        be in no split: not all tasks are always listed.
        """
        named = tuple(dict.fromkeys(filter(None, (found.task, *found.named))))
        for task in named:
            if self._opens(trajectory, task):
                return task, ""
        said = _goal(trajectory.first_observation)
        for goals in self._goals:
            same = [t for goal, t in goals if goal in said and self._opens(trajectory, t)]
            if not same:
                continue
            alike = (t for t in same[1:] and same if not self._replayed(trajectory, t).differs)
            name = "another one by its name" if named else "told by the opening only"
            return next(alike, same[0]), f"replayed: the task is {name}"
        return found.task or self._other_task(trajectory), ""

    def said_here(self, trajectory: Trajectory, task: Task) -> tuple[Trajectory, Counter[str]]:
        """Return a trajectory in the words of a task here, and what was changed."""
        return renamed(trajectory, self._plugin.moved_names(self._settings, task))

    def _opens(self, trajectory: Trajectory, task: Task) -> bool:
        theirs = self.said_here(trajectory, task)[0].first_observation
        with suppress(UserError):  # of a task that cannot be played: to replay it says why
            ours = self._env.reset(task).observation
            return opens_as(theirs, ours, self._plugin.harmless) is not None
        return False

    def _replayed(self, trajectory: Trajectory, task: Task) -> Replay:
        told = self.said_here(trajectory, task)[0]
        return replay(self._env, task, told, self._plugin.harmless)

    def _other_task(self, trajectory: Trajectory) -> Task | None:
        for name in trajectory.record.get("names", [trajectory.task.task_id]):
            task_id = self._plugin.own_task_id(name)
            if task_id:
                return Task(task_id, "", "", "")
        return None


def _goal(text: str) -> str:
    return f" {' '.join(goal_words(' '.join(text.split())))} "
