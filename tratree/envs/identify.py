"""The task of a published trajectory, and whether it could be held out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from tratree.envs.moved_names import renamed
from tratree.envs.registry import ENVIRONMENTS
from tratree.trajectory.goal_words import KINDS, goal_words
from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.names import HELD_OUT_SPLITS, splits_of, texts_of
from tratree.trajectory.types import Task, Trajectory

_ATTEMPT = re.compile(
    r"[^a-z0-9]+(?:run|traj(?:ectory)?|try|attempt|sample|rollout|seed|gold|expert|ep(?:isode)?)"
    r"[-_ ]?\d*\Z",
    re.IGNORECASE,
)
"""The end of a name that numbers the attempts at a task."""

TaskFinder = Callable[[Mapping[str, Task]], Callable[[str], list[str]]]


@dataclass(frozen=True)
class Identity:
    """The known facts about a trajectory's task.

    Attributes:
        task: The task, if name and goal agree on it, or the name alone says that it is held out.
        held_out: Whether it must not be trained on.
        candidates: Held-out tasks of the same goal, where neither name nor goal identifies it: it
            could be one of them. None where its goal is unknown, so that it could be any.
        named: The tasks that its names mean.
        contradicting: Names that do not mean the same task; empty if they all do.
    """

    task: Task | None = None
    held_out: bool = False
    candidates: tuple[Task, ...] | None = ()
    named: tuple[Task, ...] = ()
    contradicting: tuple[str, ...] = ()

    @property
    def could_be_held_out(self) -> bool:
        """True unless the task is known to be a training task or in no split."""
        return self.candidates is None or bool(self.candidates)


class Identifier:
    """Identifies trajectories among the tasks of an environment."""

    def __init__(self, environment: str, tasks: Mapping[str, Task], train: str) -> None:
        """Take the tasks that there are.

        Args:
            environment: Name or target of the environment.
            tasks: Its tasks by id, of every split that is used.
            train: Name of the split that may be trained on; all others are held out.
        """
        plugin = ENVIRONMENTS.find(environment)
        self._plugin = plugin
        self._find = (plugin.task_finder or _finder_by(plugin.own_task_id))(tasks)
        self._tasks = tasks
        self._train = train
        self._held_out_splits = {task.split for task in tasks.values()} - {train}
        by_goal: dict[tuple[str, ...], list[Task]] = {}
        for task in tasks.values():
            if task.split != train:
                by_goal.setdefault(self._goal(task.instruction), []).append(task)
        self._goals = [(frozenset(w), _spaced(w), same) for w, same in by_goal.items()]

    def identify(self, trajectory: Trajectory) -> Identity:
        """Return which task a trajectory is of.

        A name of a held-out task or split always counts, in whatever field and form. A
        name of a training task counts if the goal is its goal, too.
        """
        names = [*trajectory.record.get("names", ()), trajectory.task.task_id]
        published = trajectory.record.get("record", {})
        names = list(dict.fromkeys([*names, *sorted(texts_of(published))]))
        meant = {name: self._meant(name) for name in names}
        named = tuple(dict.fromkeys(task for tasks in meant.values() for task in tasks))
        splits = {trajectory.task.split.lower(), *splits_of(published)}
        found = self._identify(trajectory, names, named, splits)
        return replace(found, named=named, contradicting=self._contradicting(meant, splits))

    def _meant(self, name: str) -> list[Task]:
        """Return the tasks that a name may mean, also if its end is the number of an attempt."""
        every = dict.fromkeys([name, _ATTEMPT.sub("", name)])
        found = dict.fromkeys(task_id for name in every for task_id in self._find(name))
        return [self._tasks[task_id] for task_id in found]

    def _identify(
        self, trajectory: Trajectory, names: Sequence[str], named: Sequence[Task], splits: set[str]
    ) -> Identity:
        every = [*names, *(_ATTEMPT.sub("", name) for name in names)]
        held_out = [task for task in named if task.split != self._train]
        other_split = splits & (self._held_out_splits | HELD_OUT_SPLITS)
        if held_out or other_split or any(map(self._plugin.names_held_out, every)):
            return Identity(held_out[0] if held_out else None, held_out=True)
        opening = trajectory.first_observation
        said = _spaced(goal_words(opening))
        goal = stated_goal(opening)
        told = bool(goal) and self._plugin.own_words(goal)
        for task in named:
            if (goal and not told) or self._says(task, opening, said):
                same = [t for t in self._same_goal(opening, said) if _is_said(t.instruction, said)]
                if same and not _is_said(task.instruction, said):
                    return Identity(same[0], held_out=True)  # to the price, it is the other one
                return Identity(task)
        candidates = list(self._same_goal(opening, said))
        if not candidates and not told:
            candidates = [task for *_, tasks in self._goals for task in tasks]
        another = self._plugin.names_another
        left = tuple(c for c in candidates if not any(another(name, c) for name in every))
        return Identity(candidates=left if told or not left else None)

    def _contradicting(
        self, meant: Mapping[str, Sequence[Task]], splits: set[str]
    ) -> tuple[str, ...]:
        """Return one name for each task that names mean, if no task is meant by all of them."""
        known = {name: set(tasks) for name, tasks in meant.items() if tasks}
        if not known:
            return ()
        common = set.intersection(*known.values())
        train = all(task.split == self._train for task in common)
        plugin = self._plugin
        others = [
            name
            for name, tasks in meant.items()
            if (not tasks and any(plugin.names_another(name, task) for task in common))
            or (train and plugin.names_held_out(name))
        ]
        others += sorted(splits & (self._held_out_splits | HELD_OUT_SPLITS)) if train else []
        if common and not others:
            return ()
        first = {tuple(task.task_id for task in tasks): name for name, tasks in known.items()}
        return tuple(dict.fromkeys((*first.values(), *others)))

    def read(
        self, trajectory: Trajectory, settings: Any
    ) -> tuple[Identity, Trajectory, Counter[str]]:
        """Return which task a trajectory is of, the trajectory as it is said here, and changes.

        Args:
            trajectory: Published trajectory.
            settings: Of the environment.
        """
        told, changes = renamed(trajectory, self._plugin.moved_names(settings, None))
        found = self.identify(told)
        told, more = renamed(told, self._plugin.moved_names(settings, found.task))
        return found, told, changes + more

    def _goal(self, instruction: str) -> tuple[str, ...]:
        return goal_words(self._plugin.gist(instruction))

    def _says(self, task: Task, opening: str, said: str) -> bool:
        words = self._goal(task.instruction)
        stated = self._goal(stated_goal(opening))
        return sorted(words) == sorted(stated) or _spaced(words) in said

    def _same_goal(self, opening: str, said: str) -> Iterable[Task]:
        """Yield held-out tasks whose goal is said: its words in the stated goal, or in a row."""
        told = self._goal(stated_goal(opening))
        stated = {*told, *(f"{one}{other}" for one, other in pairwise(told))}  # soap bar: soapbar
        for goal, spaced, tasks in self._goals:
            same_kind = not stated or goal & KINDS == stated & KINDS
            if same_kind and (goal <= stated or spaced in said):
                yield from tasks


def opens_alike(
    trajectory: Trajectory, opening: Callable[[Task], str], tasks: Iterable[Task]
) -> bool:
    """Return whether a trajectory opens as one of the tasks does, after folding.

    Args:
        trajectory: Published trajectory.
        opening: Returns the first observation of a task.
        tasks: Those that it could be of.
    """
    said = _spaced(goal_words(trajectory.first_observation))
    return any(_is_said(opening(task), said) for task in tasks)


def _finder_by(own_task_id: Callable[[str], str | None]) -> TaskFinder:
    def finder(tasks: Mapping[str, Task]) -> Callable[[str], list[str]]:
        def find(published: str) -> list[str]:
            task_id = own_task_id(published)
            return [task_id] if task_id is not None and task_id in tasks else []

        return find

    return finder


def _is_said(text: str, said: str) -> bool:
    return _spaced(goal_words(text)) in said


def _spaced(words: tuple[str, ...]) -> str:
    return f" {' '.join(words)} "
