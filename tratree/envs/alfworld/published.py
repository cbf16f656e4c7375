"""Which game published ALFWorld trajectories mean: they name its file, its folder or its trial."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from tratree.trajectory.types import Task

HELD_OUT = frozenset({"valid_seen", "valid_unseen"})
"""Names of the official held-out splits, whichever of them are on this machine."""

_TRIAL = re.compile(r"trial_[A-Za-z0-9_]*\d")


def own_task_id(published: str) -> str | None:
    """Return our name of a game, given the path of its file or folder.

    >>> own_task_id("data/json_2.1.1/train/pick-Mug/trial_1/game.tw-pddl")
    'train/pick-Mug/trial_1'
    """
    path = PurePosixPath(published.replace("\\", "/"))
    folder = path.parent if path.suffix in (".tw-pddl", ".json", ".pddl") else path
    return "/".join(folder.parts[-3:])


def named_tasks(
    published: str, tasks: Mapping[str, Task], index: Mapping[str, list[str]]
) -> list[str]:
    """Return the ids of the games that a name may mean: by split, goal folder and trial, or fewer.

    Args:
        published: A path in any form, its last folders, or the trial alone.
        tasks: Those that there are.
        index: What `task_index` makes of them.
    """
    path = "/" + re.sub(r"[\\/]+", "/", published.strip().lower()) + "/"
    trials = {part for part in path.split("/") if part in index}
    trials |= {trial for trial in _TRIAL.findall(path) if trial in index}
    found = [task_id for trial in sorted(trials) for task_id in index[trial]]
    for part in (1, 0):  # the goal's folder, then the split, as far as the name has them
        said = [t for t in found if t.split("/")[part].lower() in path]
        found = said or found
    return found


def task_index(tasks: Mapping[str, Task]) -> dict[str, list[str]]:
    """Return the ids of games by trial."""
    index: dict[str, list[str]] = {}
    for task_id in tasks:
        index.setdefault(task_id.rpartition("/")[2].lower(), []).append(task_id)
    return index


def names_held_out(published: str) -> bool:
    """Return whether a name is of a held-out split, though the game may not be here.

    >>> names_held_out("json_2.1.1/valid_unseen/T/TRIAL/game.tw-pddl")
    True
    """
    return not HELD_OUT.isdisjoint(re.split(r"[\\/]", published.lower()))


def gist(instruction: str) -> str:
    """Return the goal sentence: it says all."""
    return instruction
