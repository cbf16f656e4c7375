"""Names that changed between versions of the environments: what older files say, said as here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tratree.envs.registry import published_names
from tratree.trajectory.types import Task, Trajectory


@dataclass(frozen=True)
class MovedName:
    """A change of wording.

    Attributes:
        since: A version that has the new wording, the first one where that is known.
        what: The change in words.
        old: Finds what older files say.
        new: What stands there instead, as `re.sub` takes it.
        only: ``actions`` or ``observations``, if the other ones stay as they are.
        wording: Of ALFWorld, the value of ``env.wording`` for which it holds.
    """

    since: str
    what: str
    old: re.Pattern[str]
    new: str
    only: str = ""
    wording: str = ""


MOVED: Mapping[str, tuple[MovedName, ...]] = {
    "scienceworld": (
        MovedName(
            "1.2.3", "`green house` is `greenhouse`", re.compile(r"\bgreen house\b"), "greenhouse"
        ),
    ),
    "alfworld": (
        MovedName(
            "0.4",
            "`put X in/on Y` is `move X to Y`",
            re.compile(r"\Aput (.+?) (?:in/on|into|onto|in|on) (.+)\Z", re.IGNORECASE),
            r"move \1 to \2",
            "actions",
            "move",
        ),
        MovedName(
            "0.4",
            "`You put the X in/on the Y.` is `You move the X to the Y.`",
            re.compile(r"\bYou put the (.+?) (?:in/on|in|on) the (.+?)\."),
            r"You move the \1 to the \2.",
            "observations",
            "move",
        ),
        MovedName(
            "0.4",
            "`move X to Y` is `put X in/on Y` (env.wording=put)",
            re.compile(r"\Amove (.+?) to (.+)\Z", re.IGNORECASE),
            r"put \1 in/on \2",
            "actions",
            "put",
        ),
        MovedName(
            "0.4",
            "`You move the X to the Y.` is `You put the X in/on the Y.` (env.wording=put)",
            re.compile(r"\bYou move the (.+?) to the (.+?)\."),
            r"You put the \1 in/on the \2.",
            "observations",
            "put",
        ),
    ),
    "webshop": (),
}
"""By environment. WebShop's price bounds, drawn again at every start, become those of the task."""


def renamed(
    trajectory: Trajectory, environment: str, settings: Mapping[str, Any], task: Task | None = None
) -> tuple[Trajectory, Counter[str]]:
    """Return a trajectory in the words of the environment as it is here, and what was changed.

    Args:
        trajectory: What was published.
        environment: Name of the environment.
        settings: Those of the environment.
        task: The task that it is of, if that is known.
    """
    changed: Counter[str] = Counter()
    wording = settings.get("wording", "move")
    rules = [moved for moved in MOVED[environment] if moved.wording in ("", wording)]

    def told(text: str, kind: str) -> str:
        for rule in rules:
            if rule.only in ("", kind):
                text, times = rule.old.subn(rule.new, text)
                changed[f"{environment} {rule.since}: {rule.what}"] += times
        return text

    bound = _instruction_change(trajectory, environment, task)

    def seen(text: str) -> str:
        text, times = bound(told(text, "observations"))
        changed["webshop: the instruction with its price bound is that of the task"] += times
        return text

    steps = tuple(
        replace(
            step,
            thought=told(step.thought, "thoughts"),
            action=told(step.action, "actions"),
            observation=seen(step.observation),
        )
        for step in trajectory.steps
    )
    opening = seen(trajectory.first_observation)
    found = replace(trajectory, first_observation=opening, steps=steps)
    return found, +changed


def _instruction_change(
    trajectory: Trajectory, environment: str, task: Task | None
) -> Callable[[str], tuple[str, int]]:
    """Return what puts our instruction of a WebShop task in the place of the publisher's."""
    if environment != "webshop" or task is None:
        return lambda text: (text, 0)
    gist = published_names(environment).gist(task.instruction)
    theirs = re.compile(
        r"\s+".join(map(re.escape, gist.split()))
        + r"(?:,?\s+and price lower than\s+[$\d.,]+(?:\s+dollars)?)?",
        re.IGNORECASE,
    )
    here = " ".join(task.instruction.split())

    def change(text: str) -> tuple[str, int]:
        found = {m[0] for m in theirs.finditer(text)} - {here, task.instruction}
        if not found:
            return text, 0
        return theirs.subn(lambda _: task.instruction, text)

    return change
