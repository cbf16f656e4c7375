"""Names that changed between versions of an environment: what older files say, said as here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tratree.trajectory.types import Step, Trajectory


@dataclass(frozen=True)
class MovedName:
    """A change of wording.

    Attributes:
        what: The change in words, with the version that made it where that is known.
        old: Finds what older files say.
        new: Replaces it, as `re.sub` takes it.
        only: ``actions`` or ``observations``, if the other texts stay as they are.
    """

    what: str
    old: re.Pattern[str]
    new: str
    only: Literal["", "actions", "observations"] = ""


def renamed(trajectory: Trajectory, moved: Sequence[MovedName]) -> tuple[Trajectory, Counter[str]]:
    """Return a published trajectory in the words of its environment here, and what was changed.

    `moved` is what `EnvironmentPlugin.moved_names` gave.
    """
    changed: Counter[str] = Counter()

    def told(text: str, kind: str) -> str:
        for rule in moved:
            if rule.only in ("", kind):
                before, text = text, rule.old.sub(rule.new, text)
                changed[rule.what] += text != before
        return text

    def renamed_step(step: Step) -> Step:
        thought, action = told(step.thought, "thoughts"), told(step.action, "actions")
        observation = told(step.observation, "observations")
        if (thought, action) != (step.thought, step.action):
            step = replace(step, token_ids=(), inserted=())  # they are those of the old words
        return replace(step, thought=thought, action=action, observation=observation)

    steps = tuple(map(renamed_step, trajectory.steps))
    opening = told(trajectory.first_observation, "observations")
    return replace(trajectory, first_observation=opening, steps=steps), +changed
