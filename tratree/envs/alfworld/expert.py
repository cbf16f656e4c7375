"""An expert that plays ALFWorld from what an agent sees.

It searches where the object is likely to be, remembers what it saw, and carries out the goal step
by step. Every action comes with a thought of a few words that names the current subgoal, such as
``find mug``, ``take mug``, ``clean mug``, ``put mug in cabinet`` or ``turn on desklamp``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tratree.envs.alfworld.goals import LAMP, TASK_RULES, TaskRule
from tratree.envs.alfworld.package import constants, goal_library
from tratree.envs.alfworld.scene import FIXED_RECEPTACLES, PORTABLE, can_hold
from tratree.envs.base import StepResult
from tratree.errors import UserError

_LIKELY = frozenset(
    (receptacle.lower(), thing.lower())
    for receptacle in FIXED_RECEPTACLES
    for thing in (*PORTABLE, LAMP)
    if can_hold(receptacle, thing)
)
"""Common sense: the types of receptacles where a type of object may be."""

_OPENABLE = frozenset(name.lower() for name in constants.OPENABLE_CLASS_LIST)

_SENTENCES = [
    (
        re.compile(
            template.format(
                obj=r"(?P<target>\w+)", recep=r"(?P<destination>\w+)", toggle=r"(?P<lamp>\w+)"
            )
        ),
        rule,
    )
    for task_type, rule in TASK_RULES.items()
    for template in goal_library.gdict[task_type]["templates"]
]
_ITEM = re.compile(r"\ba (\w+ \d+)")
_ROOM = re.compile(r"Looking quickly around you, you see (.*)\.")
_CONTENT = re.compile(r"(?:On the (\w+ \d+)|The (\w+ \d+) is open\. In it), you see (.*)\.")
_TAKEN = re.compile(r"You pick up the (\w+ \d+) from the")
_PLACED = re.compile(r"You (?:move|put) the (\w+ \d+) (?:to|in/on) the (\w+ \d+)\.")
_CHANGED = re.compile(r"You (?:clean|heat|cool) the (\w+ \d+) using")


@dataclass(frozen=True)
class _Goal:
    """The goal of an instruction: types of things, "" where the goal has none."""

    rule: TaskRule
    target: str
    destination: str = ""
    lamp: str = ""


def _parse_goal(instruction: str) -> _Goal | None:
    for sentence, rule in _SENTENCES:
        if match := sentence.fullmatch(instruction):
            return _Goal(rule, **match.groupdict())
    return None


def can_read(instruction: str) -> bool:
    """Say whether an instruction is one of alfworld's own sentences."""
    return _parse_goal(instruction) is not None


@dataclass
class _Memory:
    """The expert's memory of what it has seen.

    Attributes:
        receptacles: All of the room, in the order in which they were first listed.
        searched: The receptacles that were looked into.
        places: The receptacle of each object seen and not in hand.
        held: The object in hand, or "".
        changed: Objects that were cleaned, heated or cooled.
    """

    receptacles: list[str] = field(default_factory=list)
    searched: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    held: str = ""
    changed: set[str] = field(default_factory=set)

    def read(self, observation: str) -> None:
        """Learn from the first observation or the answer to an action."""
        if match := _ROOM.search(observation):
            self.receptacles = self.receptacles or _ITEM.findall(match[1])
        elif match := _CONTENT.search(observation):
            receptacle = match[1] or match[2]
            self.searched.add(receptacle)
            self.places.update(dict.fromkeys(_ITEM.findall(match[3]), receptacle))
        elif match := _TAKEN.search(observation):
            self.held = match[1]
            self.places.pop(self.held, None)
        elif match := _PLACED.search(observation):
            self.held = ""
            self.places[match[1]] = match[2]
        elif match := _CHANGED.search(observation):
            self.changed.add(match[1])

    def of_type(self, receptacle_type: str) -> list[str]:
        """Return the receptacles of a type as listed."""
        return [name for name in self.receptacles if _type(name) == receptacle_type]

    def where(self, object_type: str) -> list[tuple[str, str]]:
        """Return (object, receptacle) for all objects of a type that are somewhere."""
        return [item for item in self.places.items() if _type(item[0]) == object_type]


class SearchExpert:
    """Plays one episode from its reset; see `tratree.envs.base.Expert`.

    It looks first into types of receptacles where alfworld's tables put the object, among them
    first into open ones, and otherwise follows the order in which the room was listed.

    Args:
        instruction: The goal, in one of alfworld's own sentences.
        admissible: Returns the actions that the environment would accept now.

    Raises:
        UserError: If the instruction is worded otherwise.
    """

    def __init__(self, instruction: str, admissible: Callable[[], list[str]]) -> None:
        goal = _parse_goal(instruction)
        if goal is None:
            raise UserError(f"{instruction!r} is not one of alfworld's own goal sentences")
        self._goal = goal
        self._admissible = admissible
        self._memory = _Memory()

    def __call__(self, result: StepResult) -> tuple[str, str]:
        """Return the thought and the action for the latest result."""
        self._memory.read(result.observation)
        return self._decide(self._goal, self._memory, self._admissible())

    def _decide(self, goal: _Goal, memory: _Memory, admissible: list[str]) -> tuple[str, str]:
        held = memory.held
        if not held:
            return self._fetch(goal, memory, admissible)
        if goal.rule.verb and held not in memory.changed:
            appliances = memory.of_type(goal.rule.appliance.lower())
            uses = [f"{goal.rule.verb} {held} with {name}" for name in appliances[:1]]
            ways = [f"go to {name}" for name in appliances[:1]]
            return f"{goal.rule.verb} {goal.target}", _first(admissible, *uses, *ways)
        if goal.lamp:
            for lamp, receptacle in memory.where(goal.lamp):
                action = _first(admissible, f"use {lamp}", f"go to {receptacle}")
                return f"turn on {goal.lamp}", action
            return f"find {goal.lamp}", _search(goal.lamp, memory, admissible)
        destination = _destination(goal, memory)
        action = _first(
            admissible,
            f"move {held} to {destination}",
            f"put {held} in/on {destination}",
            f"open {destination}",
            f"go to {destination}",
        )
        return f"put {goal.target} in {goal.destination}", action

    def _fetch(self, goal: _Goal, memory: _Memory, admissible: list[str]) -> tuple[str, str]:
        """Take the object that is wanted next from where it was seen, or search for it."""
        placed = _destination(goal, memory) if goal.rule.targets > 1 else ""
        seen = [(n, r) for n, r in memory.where(goal.target) if r != placed]
        if not seen:
            return f"find {goal.target}", _search(goal.target, memory, admissible)
        takes = [f"take {name} from {receptacle}" for name, receptacle in seen]
        return f"take {goal.target}", _first(admissible, *takes, f"go to {seen[0][1]}")


def _search(thing: str, memory: _Memory, admissible: list[str]) -> str:
    """Look into the likeliest receptacle that was not looked into yet."""
    unseen = [name for name in memory.receptacles if name not in memory.searched]
    if not unseen:
        return "look"
    receptacle = min(
        unseen, key=lambda name: ((_type(name), thing) not in _LIKELY, _type(name) in _OPENABLE)
    )
    return _first(admissible, f"open {receptacle}", f"go to {receptacle}", f"examine {receptacle}")


def _destination(goal: _Goal, memory: _Memory) -> str:
    """Choose a receptacle of the goal's type: one that holds a target already, or a known one."""
    holders = [receptacle for _, receptacle in memory.where(goal.target)]
    return min(
        memory.of_type(goal.destination),
        key=lambda name: (-holders.count(name), name not in memory.searched),
        default="",  # the room has none
    )


def _first(admissible: list[str], *actions: str) -> str:
    """Return the first of the actions that is possible now, "look" if none is."""
    return next((action for action in actions if action in admissible), "look")


def _type(name: str) -> str:
    return name.split()[0]
