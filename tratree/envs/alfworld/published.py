"""Games of published ALFWorld trajectories: they name the file, its folder or its trial."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from tratree.envs.listed import unordered
from tratree.envs.moved_names import MovedName
from tratree.trajectory.types import Task

HELD_OUT = re.compile(
    r"(?<![a-z])(?:valid(?:ation)?[-_ ]?(?:un)?seen|eval[-_ ](?:in|out[-_ ]of)[-_ ]distribution)"
)
"""Names of the official held-out splits, whichever of them are on this machine."""

_THING = r"\w+ \d+"
_A = r"[\w{}<>\[\]()]+(?: \d+)?"
"""An object or a place, or what stands for one in a template: ``mug 1``, ``{recep}``."""

_MOVED = {
    "move": (
        MovedName(
            "alfworld 0.4: `put X in/on Y` is `move X to Y`",
            re.compile(rf"\Aput ({_THING}) (?:in ?/ ?on|into|onto|in|on) ({_THING}\W*)\Z", re.I),
            r"move \1 to \2",
            "actions",
        ),
        MovedName(
            "alfworld 0.4: `You put the X in/on the Y.` is `You move the X to the Y.`",
            re.compile(r"\bYou put the (.+?) (?:in/on|in|on) the (.+?)\."),
            r"You move the \1 to the \2.",
            "observations",
        ),
        MovedName(
            "alfworld 0.4: `put X in/on Y` among the possible actions is `move X to Y`",
            re.compile(rf"\bput ({_A}) in/on ({_A})"),
            r"move \1 to \2",
            "observations",
        ),
    ),
    "put": (
        MovedName(
            "env.wording=put: `move X to Y` is `put X in/on Y`",
            re.compile(rf"\Amove ({_THING}) to ({_THING}\W*)\Z", re.I),
            r"put \1 in/on \2",
            "actions",
        ),
        MovedName(
            "env.wording=put: `You move the X to the Y.` is `You put the X in/on the Y.`",
            re.compile(r"\bYou move the (.+?) to the (.+?)\."),
            r"You put the \1 in/on the \2.",
            "observations",
        ),
        MovedName(
            "env.wording=put: `move X to Y` among the possible actions is `put X in/on Y`",
            re.compile(rf"\bmove ({_A}) to ({_A})"),
            r"put \1 in/on \2",
            "observations",
        ),
    ),
}
"""Wordings of placing an object."""

_ARRIVED = MovedName(
    "alfworld 0.4: `You arrive at loc N.` names the place",
    re.compile(r"\bYou arrive at loc \d+\. (On the|The) (\w+ \d+)"),
    r"You arrive at \2. \1 \2",
    "observations",
)

_SOME = 9
"""Games that tell a release: one of them may be damaged."""

_TRIAL = re.compile(r"(?:trial[-_ ])?(t\d{8})[-_ ]?(\d{6})[-_ ]?(\d{6})|(trial_[a-z0-9_]*\d)")
"""The folder of a trial, in small letters: the official form also without its first word."""


def own_task_id(published: str) -> str | None:
    """Return our name of a game, given the path of its file or folder.

    >>> own_task_id("data/json_2.1.1/train/pick-Mug/trial_1/game.tw-pddl")
    'train/pick-Mug/trial_1'
    """
    path = PurePosixPath(published.replace("\\", "/"))
    folder = path.parent if path.suffix in (".tw-pddl", ".json", ".pddl") else path
    return "/".join(folder.parts[-3:])


def task_finder(tasks: Mapping[str, Task]) -> Callable[[str], list[str]]:
    """Return what finds the games that a name may mean: a path, its last folders, or the trial."""
    by_trial: dict[str, list[str]] = {}
    for task_id in tasks:
        by_trial.setdefault(task_id.rpartition("/")[2].lower(), []).append(task_id)

    def find(published: str) -> list[str]:
        path = "/" + re.sub(r"[\\/]+", "/", published.strip().lower()) + "/"
        trials = {part for part in path.split("/") if part in by_trial}
        said = {
            f"trial_{day}_{time}_{part}" if day else other
            for day, time, part, other in _TRIAL.findall(path)
        }
        trials |= said & by_trial.keys()
        found = [task_id for trial in sorted(trials) for task_id in by_trial[trial]]
        for part in (1, 0):  # the goal's folder, then the split, as far as the name has them
            closer = [t for t in found if t.split("/")[part].lower() in path]
            found = closer or found
        return found

    return find


def names_held_out(published: str) -> bool:
    """Return whether a name is that of a held-out split, though the game may not be here.

    >>> names_held_out("json_2.1.1/valid_unseen/T/TRIAL/game.tw-pddl")
    True
    """
    return HELD_OUT.search(published.lower()) is not None


def names_another(published: str, task: Task) -> bool:
    """Return whether a name has the official form of a trial's, but not that of the task's."""
    said = published.lower()
    found = _TRIAL.search(said)
    return bool(found and found[1]) and task.task_id.rpartition("/")[2].lower() not in said


def own_words(goal: str) -> bool:
    """Return whether a goal is one of alfworld's sentences: a person says `in the drawer`.

    >>> own_words("Put a hot mug in shelf."), own_words("Put a hot mug in the shelf.")
    (True, False)
    """
    from tratree.envs.alfworld.expert import can_read

    return can_read(" ".join(gist(goal).lower().split()).removesuffix("."))


def gist(instruction: str) -> str:
    """Return the goal sentence, with the one place whose second word would count as a verb."""
    return re.sub("garbage can", "garbagecan", instruction, flags=re.IGNORECASE)


def moved_names(settings: Any, task: Task | None) -> Sequence[MovedName]:
    """Return how older data and models, or newer ones, name placing an object and arriving."""
    before_04 = settings.games == "official" and _offers_put(settings.data)
    placing = _MOVED["put" if before_04 else settings.wording]
    return placing if before_04 else (*placing, _ARRIVED)


@lru_cache(8)
def _offers_put(folder: str | None) -> bool:
    """Return whether official games are of a release before 0.4: their files hold its grammar."""
    from tratree.envs.alfworld.games import LAYOUT
    from tratree.envs.alfworld.setup import official_folder

    files = (official_folder(folder) / LAYOUT).glob("*/*/*/game.tw-pddl")
    return any(b"put {o} in/on {r}" in file.read_bytes() for file in islice(files, _SOME))


def harmless(theirs: str, ours: str) -> str:
    """Return `in another order` if two observations differ in nothing else."""
    return "in another order" if unordered(theirs) == unordered(ours) else ""
