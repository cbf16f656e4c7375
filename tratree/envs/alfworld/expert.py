"""An expert that plays ALFWorld from what an agent sees.

It searches where the object is likely to be, remembers what it saw, and carries out the goal step
by step. Every action comes with a thought of a few words that names the current subgoal, such as
``find mug``, ``take mug``, ``clean mug``, ``put mug in cabinet`` or ``turn on desklamp``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from alfworld.gen import constants

from tratree.envs.base import StepResult
from tratree.errors import UserError

_HOLDS = {
    receptacle.lower(): {name.lower() for name in names}
    for receptacle, names in constants.VAL_RECEPTACLE_OBJECTS.items()
}
_LAMP_PLACES = {"desk", "sidetable", "dresser", "shelf", "diningtable", "coffeetable"}
_OPENABLE = {name.lower() for name in constants.OPENABLE_CLASS_LIST}
_APPLIANCES = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
_GOALS = [
    (re.compile(pattern), verb)
    for pattern, verb in (
        (r"put (?:a|some) (?P<target>\w+) (?:in|on) (?P<destination>\w+)", ""),
        (
            r"(?:put|find) (?P<two>two) (?P<target>\w+) (?:and put them )?in (?P<destination>\w+)",
            "",
        ),
        (r"put a clean (?P<target>\w+) in (?P<destination>\w+)", "clean"),
        (r"put a hot (?P<target>\w+) in (?P<destination>\w+)", "heat"),
        (r"put a cool (?P<target>\w+) in (?P<destination>\w+)", "cool"),
        (r"clean some (?P<target>\w+) and put it in (?P<destination>\w+)", "clean"),
        (r"heat some (?P<target>\w+) and put it in (?P<destination>\w+)", "heat"),
        (r"cool some (?P<target>\w+) and put it in (?P<destination>\w+)", "cool"),
        (r"look at (?P<target>\w+) under the (?P<lamp>\w+)", ""),
        (r"examine the (?P<target>\w+) with the (?P<lamp>\w+)", ""),
    )
]
_ITEM = re.compile(r"\ba (\w+ \d+)")
_ROOM = re.compile(r"Looking quickly around you, you see (.*)\.")
_CONTENT = re.compile(r"(?:On the (\w+ \d+)|The (\w+ \d+) is open\. In it), you see (.*)\.")
_TAKEN = re.compile(r"You pick up the (\w+ \d+) from the")
_PLACED = re.compile(r"You (?:move|put) the (\w+ \d+) (?:to|in/on) the (\w+ \d+)\.")
_CHANGED = re.compile(r"You (?:clean|heat|cool) the (\w+ \d+) using")


@dataclass(frozen=True)
class _Goal:
    """What an instruction asks for: types of things, "" where the goal has none."""

    target: str
    destination: str = ""
    lamp: str = ""
    verb: str = ""
    count: int = 1


def _parse_goal(instruction: str) -> _Goal:
    for pattern, verb in _GOALS:
        match = pattern.fullmatch(instruction)
        if match:
            fields = match.groupdict()
            count = 2 if fields.pop("two", None) else 1
            return _Goal(**fields, verb=verb, count=count)
    raise UserError(
        f"the ALFWorld expert reads only alfworld's own goal sentences, not {instruction!r}; "
        "use games with templated goals"
    )


@dataclass
class _Memory:
    """What the expert has seen.

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
            del self.places[self.held]
        elif match := _PLACED.search(observation):
            self.held = ""
            self.places[match[1]] = match[2]
        elif match := _CHANGED.search(observation):
            self.changed.add(match[1])

    def of_type(self, receptacle_type: str) -> list[str]:
        """Return the receptacles of a type as listed."""
        return [name for name in self.receptacles if _type(name) == receptacle_type]

    def where(self, object_type: str) -> list[tuple[str, str]]:
        """Return (object, receptacle) for all objects of a type that lie somewhere."""
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
        self._goal = _parse_goal(instruction)
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
        if goal.verb and held not in memory.changed:
            appliance = memory.of_type(_APPLIANCES[goal.verb])[0]
            action = f"{goal.verb} {held} with {appliance}"
            return f"{goal.verb} {goal.target}", _first(admissible, action, f"go to {appliance}")
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
        placed = _destination(goal, memory) if goal.count > 1 else ""
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
    receptacle = min(unseen, key=lambda name: _unlikeliness(thing, _type(name)))
    return _first(admissible, f"open {receptacle}", f"go to {receptacle}", f"examine {receptacle}")


def _destination(goal: _Goal, memory: _Memory) -> str:
    """Choose a receptacle of the goal's type: one that holds a target already, or a known one."""
    holders = [receptacle for _, receptacle in memory.where(goal.target)]
    return min(
        memory.of_type(goal.destination),
        key=lambda name: (-holders.count(name), name not in memory.searched),
    )


def _unlikeliness(thing: str, receptacle_type: str) -> tuple[bool, bool]:
    if thing.endswith("lamp"):
        likely = receptacle_type in _LAMP_PLACES
    else:
        likely = thing in _HOLDS.get(receptacle_type, ())
    return not likely, receptacle_type in _OPENABLE


def _first(admissible: list[str], *actions: str) -> str:
    """Return the first of the actions that is possible now, "look" if none is."""
    return next((action for action in actions if action in admissible), "look")


def _type(name: str) -> str:
    return name.split()[0]
