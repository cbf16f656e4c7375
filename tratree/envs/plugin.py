"""All that the rest of the program is told of an environment: one record, found as a plug-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tratree.envs.base import TextEnv
from tratree.envs.moved_names import MovedName
from tratree.envs.settings import EnvSettings
from tratree.external_files import ExternalFiles
from tratree.trajectory.types import Task

Report = Callable[[int, int], None]
"""Called with the amount done so far and the whole amount."""


@dataclass(frozen=True)
class EnvironmentPlugin:
    """An environment.

    Its module should import nothing heavy: see `tratree.plugins.imported_when_called`.

    Attributes:
        name: As in ``env=NAME``.
        settings: The class of its settings, which extends `tratree.envs.settings.EnvSettings`.
        prepare: ``prepare(settings, folder, report)`` puts into `folder` what the environment
            plays on, resumes from what is already there, and reports how far it is.
        resumes: The files that `prepare` resumes from, as patterns of their paths in `folder`. All
            else that an interrupted call left there is removed before the next one.
        make: ``make(settings, folder, cache)`` opens a `TextEnv` on what `prepare` left in
            `folder`; `cache` is a folder for files that can be made again.
        action_key: Gives equal texts for actions that have the same effect
            (``tree.action_match=normalised``).
        forgiving_key: The same where ``env.forgiving`` is set; None takes `action_key`.
        external_files: ``external_files(settings)`` returns the files that a user brings, by the
            setting that names their folder: keys hold what they contain. None if they are not used
            with these settings, so that the folder does not matter.
        own_task_id: The id here of a task that a published trajectory names, or None.
        gist: The part of an instruction that a published trajectory of the same task repeats.
        task_finder: Given the tasks by id, returns a function that gives the ids which a published
            name may mean, in whatever form it is; None finds what `own_task_id` gives.
        names_held_out: Returns whether a published name is that of a held-out split, though the
            task may not be here.
        names_another: Returns whether a published name means another task than the given one, in a
            form that only this environment's names have, though that task may not be here.
        own_words: Returns whether a goal is worded as the environment itself words goals: of one in
            a person's words, nobody can tell which task it is.
        moved_names: ``moved_names(settings, task)`` returns the wordings of older versions that
            published trajectories may have, and what they are here; `task` may be None.
        harmless: ``harmless(theirs, ours)`` returns in a few words how two observations differ,
            where they mean the same: `in another order`. Empty where they do not.
        version: Raised when `prepare` makes something else of equal settings.
        waits: Whether a step waits for another process, so that threads help
            (``rollout.env_threads``, and always where vLLM servers play).
        extra: The extra of its distribution whose packages it needs.
    """

    name: str
    settings: type[EnvSettings]
    prepare: Callable[[Any, Path, Report], None]
    make: Callable[[Any, Path, Path], TextEnv]
    action_key: Callable[[str], str] = lambda action: " ".join(action.lower().split())
    forgiving_key: Callable[[str], str] | None = None
    external_files: Callable[[Any], Mapping[str, ExternalFiles | None]] = lambda settings: {}
    own_task_id: Callable[[str], str | None] = str
    gist: Callable[[str], str] = str
    task_finder: Callable[[Mapping[str, Task]], Callable[[str], list[str]]] | None = None
    names_held_out: Callable[[str], bool] = lambda name: False
    names_another: Callable[[str, Task], bool] = lambda name, task: False
    own_words: Callable[[str], bool] = lambda goal: True
    moved_names: Callable[[Any, Task | None], Sequence[MovedName]] = lambda settings, task: ()
    harmless: Callable[[str, str], str] = lambda theirs, ours: ""
    version: int = 1
    resumes: tuple[str, ...] = ()
    waits: bool = False
    extra: str | None = None
