"""Tasks that the numbers in published ScienceWorld trajectories mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tratree.envs.listed import unordered
from tratree.envs.moved_names import MovedName
from tratree.trajectory.types import Task
from tratree.trajectory.words import words

AGENTGYM = (
    ("boil", 30),
    ("melt", 30),
    ("freeze", 30),
    ("change-the-state-of-matter-of", 30),
    ("use-thermometer", 540),
    ("measure-melting-point-known-substance", 436),
    ("power-component", 20),
    ("power-component-renewable-vs-nonrenewable-energy", 20),
    ("test-conductivity", 900),
    ("test-conductivity-of-unknown-substances", 600),
    ("find-living-thing", 300),
    ("find-non-living-thing", 300),
    ("find-plant", 300),
    ("find-animal", 300),
    ("chemistry-mix", 32),
    ("chemistry-mix-paint-secondary-color", 36),
    ("chemistry-mix-paint-tertiary-color", 36),
    ("lifespan-longest-lived", 125),
    ("lifespan-shortest-lived", 125),
    ("lifespan-longest-lived-then-shortest-lived", 125),
    ("identify-life-stages-1", 14),
    ("identify-life-stages-2", 10),
)
"""AgentGym numbers the variations of these tasks in this order: (name, number of variations)."""

ETO = (
    "boil",
    "change-the-state-of-matter-of",
    "freeze",
    "melt",
    "measure-melting-point-known-substance",
    "measure-melting-point-unknown-substance",
    "use-thermometer",
    "power-component",
    "power-component-renewable-vs-nonrenewable-energy",
    "test-conductivity",
    "test-conductivity-of-unknown-substances",
    "find-animal",
    "find-living-thing",
    "find-non-living-thing",
    "find-plant",
    "grow-fruit",
    "grow-plant",
    "chemistry-mix",
    "chemistry-mix-paint-secondary-color",
    "chemistry-mix-paint-tertiary-color",
    "lifespan-longest-lived",
    "lifespan-longest-lived-then-shortest-lived",
    "lifespan-shortest-lived",
    "identify-life-stages-1",
    "identify-life-stages-2",
    "inclined-plane-determine-angle",
    "inclined-plane-friction-named-surfaces",
    "inclined-plane-friction-unnamed-surfaces",
    "mendelian-genetics-known-plant",
    "mendelian-genetics-unknown-plant",
)
"""ETO numbers the tasks so, and names a trajectory ``task_variation``."""


def own_task_id(published: str) -> str | None:
    """Return our name of a task that AgentGym or ETO numbers.

    >>> own_task_id("sciworld_1331"), own_task_id("9_412"), own_task_id("boil/3")
    ('test-conductivity/195', 'test-conductivity/412', 'boil/3')
    """
    if match := re.fullmatch(r"sciworld_(\d{1,9})", published):
        left = int(match[1])
        for name, variations in AGENTGYM:
            if left < variations:
                return f"{name}/{left}"
            left -= variations
        return None
    if match := re.fullmatch(r"(\d\d?)[_-](\d+)", published):
        return f"{ETO[int(match[1])]}/{match[2]}" if int(match[1]) < len(ETO) else None
    return published


_MOVED = tuple(
    MovedName(f"scienceworld 1.1.0: `{old}` is `{new}`", re.compile(pattern, re.IGNORECASE), by)
    for old, new, pattern, by in (
        ("green house", "greenhouse", r"\b(g)reen[ -]house", r"\1reenhouse"),
        ("bath tub", "bathtub", r"\b(b)ath tub", r"\1athtub"),
        ("sandwhich", "sandwich", r"\b(s)andwhich", r"\1andwich"),
        ("cachew", "cashew", r"\b(c)achew", r"\1ashew"),
        ("voilet", "violet", r"\b(v)oilet", r"\1iolet"),
        ("gasseous", "gaseous", r"\b(g)asseous", r"\1aseous"),
        ("degrees,", "degrees celsius,", r"\b(d)egrees, (place|focus)", r"\1egrees celsius, \2"),
    )
)
_DEGREES = re.compile(r"(?<![\d.])-?\d+(?= degrees celsius)")
_MOST_DEGREES = 5
"""Degrees that are no difference: a file of AgentGym has -20 where -18 are measured here."""

_PREFIX = re.compile(r"(?:(?:sci(?:ence)?[-_ ]?world|sw|eto)[-_ /:=]+)+")
_ATTEMPT = re.compile(r"[-_#/]\d{1,2}\Z")
_NAMED = re.compile(
    r"(?:(?:sci(?:ence)?[-_ ]?world|sw|task(?:[-_]?name)?|train|dev|test)[-_ /:=]*)*"
    r"(?:(?P<number>\d\d?[-_.]\d(?!\d))|(?:\d\d?[a-z]?[-_])?(?P<name>[a-z][a-z0-9 _-]*?))"
    r"(?:[-_ ](?:easy|task))?"
    r"[^a-z0-9]*(?:v(?:ar(?:iation)?)?(?:[-_ ]?(?:idx|id))?)?[-_ :=#]*(?P<variation>\d+)[\])]?"
    r"(?:[-_ .](?:train|dev|test|jsonl?|txt|log))*"
)
"""A task by the simulator's name or number, and its variation: ``boil_21``, ``1-1_21``."""

_LABELS = frozenset(
    words(
        "scienceworld sciworld science sci world sw eto task name v var variation idx id index num "
        "number no easy train dev test split json jsonl txt log of the s r run seed try attempt "
        "traj trajectory sample rollout ep episode gold expert"
    )
)
"""Words beside a task's name and its variation in any order: ``var21_boil``, ``1-1 (boil) 21``."""

_LABELLED = re.compile(r"\bv(?:ar(?:iation)?)?(?: (?:idx|id|index|num|number|no))* (\d+)")
_TRY = re.compile(r"\b(?:s|r|run|seed|try|attempt|traj|trajectory|sample|rollout|ep|episode) \d+")
_MOST_WORDS = 12


def task_finder(tasks: Mapping[str, Task]) -> Callable[[str], list[str]]:
    """Return what finds the tasks that a name may mean: several, as publishers number differently.

    >>> find = task_finder({"boil/21": Task("boil/21", "test", "boil", "")})
    >>> [find(name) for name in ("boil_21", "sciworld_1-1_21", "0_21", "boil_2")]
    [['boil/21'], ['boil/21'], ['boil/21'], []]
    """

    def find(published: str) -> list[str]:
        for meant in _readings(published):
            here = [task_id for task_id in meant if task_id in tasks]
            if here:
                return here
        return []

    return find


def names_another(published: str, task: Task) -> bool:
    """Return whether a name means another variation of a task.

    >>> names_another("0_22", Task("boil/21", "test", "boil", ""))
    True
    """
    meant = {task_id for ids in _readings(published) for task_id in ids}
    return task.task_id not in meant and any(one.startswith(f"{task.task_type}/") for one in meant)


@lru_cache(4096)
def _readings(published: str) -> tuple[list[str], ...]:
    """Return the tasks that a name may mean, whether they exist or not: the likeliest first."""
    from scienceworld.constants import ID2TASK
    from scienceworld.utils import infer_task

    said = published.strip().lower()
    older = infer_task(said)  # without the prefix, parentheses and spelling of older names
    readings = []
    for name in (said, _ATTEMPT.sub("", said)):
        found = [own_task_id(name), own_task_id(_PREFIX.sub("", name))]
        match = _NAMED.fullmatch(infer_task(name))
        if match is not None:
            number = re.sub("[_.]", "-", match["number"] or "")
            task = ID2TASK.get(number, re.sub(r"[ _]", "-", match["name"] or ""))
            found.append(f"{task}/{int(match['variation'])}")
        readings.append([task_id for task_id in dict.fromkeys(found) if task_id])
    by_words = {tuple(name.split("-")): name for name in ID2TASK.values()}
    by_name = {name: number.split("-") for number, name in ID2TASK.items()}
    return (*readings, _spelled(older, by_words, by_name))


def _spelled(
    said: str, by_words: Mapping[tuple[str, ...], str], by_name: Mapping[str, list[str]]
) -> list[str]:
    """Return what a name means that has a task's words, a number, and words of `_LABELS`."""
    parts = re.findall(r"[a-z]+|\d+", said)
    for size in range(min(len(parts), _MOST_WORDS), 0, -1):
        for start in range(len(parts) - size + 1):
            task = by_words.get(tuple(parts[start : start + size]))
            if task is None:
                continue
            others = parts[:start] + parts[start + size :]
            if others[:2] == by_name[task]:
                others = others[2:]
            numbers = [part for part in others if part.isdigit()]
            if _LABELS.issuperset({*others} - {*numbers}):
                left = " ".join(others)
                labelled = _LABELLED.findall(left) or re.findall(r"\d+", _TRY.sub("", left))
                return [f"{task}/{int(number)}" for number in labelled or numbers]
    return []


def moved_names(settings: Any, task: Task | None) -> Sequence[MovedName]:
    """Return how older versions named a room."""
    return _MOVED


def gist(instruction: str) -> str:
    """Return what older versions of the simulator say in the same words: the first sentence."""
    return instruction.partition(". ")[0]


def harmless(theirs: str, ours: str) -> str:
    """Return how two observations differ, if only in the order of things or a few degrees.

    >>> harmless("On it is: a cup, an egg.", "On it is: an egg, a cup.")
    'in another order'
    """
    if unordered(theirs) == unordered(ours):
        return "in another order"
    alike = unordered(_DEGREES.sub("N", theirs)) == unordered(_DEGREES.sub("N", ours))
    read = (sorted(map(int, _DEGREES.findall(text))) for text in (theirs, ours))
    if alike and all(abs(a - b) <= _MOST_DEGREES for a, b in zip(*read, strict=True)):
        return f"with up to {_MOST_DEGREES} degrees more or less"
    return ""
