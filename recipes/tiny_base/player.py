"""A player without a task: it follows intentions of its own and says them in a few words.

It never reads the instruction of a game. What it knows is what it saw, and which types of things
are in the room, so that it does not look for what is not there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tratree.envs.alfworld.goals import TASK_RULES
from tratree.envs.alfworld.package import constants

Act = Callable[[str, str], str]
"""Sends a thought (may be empty) and an action; returns the observation."""

LAMP = "desklamp"
FITS = {
    receptacle.lower(): {name.lower() for name in names}
    for receptacle, names in constants.VAL_RECEPTACLE_OBJECTS.items()
}
USES = {
    rule.verb: (
        rule.appliance.lower(),
        {name.lower() for name in constants.VAL_ACTION_OBJECTS[rule.property]},
    )
    for rule in TASK_RULES.values()
    if rule.verb
}
"""For each verb the appliance that it needs and the things it works on."""

_ITEM = re.compile(r"\ba (\w+ \d+)")
_CONTENT = re.compile(r"(?:On the (\w+ \d+)|The (\w+ \d+) is open\. In it), you see (.*)\.")


@dataclass(frozen=True)
class Habits:
    """A player's habits; all are probabilities.

    Attributes:
        wander: That a few random actions come instead of an intention.
        slip: That an action is preceded by a random one.
        mistake: That an action is preceded by a wrong one of its kind, mostly an impossible one.
        change: That a thing in hand is cleaned, heated or cooled, where that is possible.
        light: That a lamp is switched on while a thing is in hand.
        repeat: That the next intention is about the type of thing that the last one was about.
        tidy: That a search goes through the room in the order in which it was listed.
    """

    wander: float = 0.07
    slip: float = 0.03
    mistake: float = 0.04
    change: float = 0.55
    light: float = 0.25
    repeat: float = 0.3
    tidy: float = 0.5


@dataclass
class Player:
    """Plays one episode by intentions such as ``find mug``, ``take mug``, ``put mug in cabinet``.

    Attributes:
        act: Function that acts.
        admissible: Returns the actions that are possible now, sorted.
        things: Types of the things in the room that can be taken, sorted.
        lamps: Types of the lamps in the room.
        habits: Its behaviour.
        rng: Decides everything that is left open.
    """

    act: Act
    admissible: Callable[[], list[str]]
    things: list[str]
    lamps: list[str]
    habits: Habits
    rng: random.Random
    receptacles: list[str] = field(default_factory=list)
    contents: dict[str, list[str]] = field(default_factory=dict)
    place: str = ""
    held: str = ""
    origin: str = ""

    def play(self, room: str) -> None:
        """Play on and on; ends only when `act` raises."""
        self.receptacles = _ITEM.findall(room)
        kind = ""
        while True:
            if self._chance(self.habits.wander):
                self._wander(self.rng.randint(1, 3))
            if not (kind and self._chance(self.habits.repeat)):
                kind = self.rng.choice(self.things)
            if self.held and _kind(self.held) != kind:
                self._put_down(_kind(self.held))
            elif self.held or self._fetch(kind):
                self._handle(kind)
            else:
                self._wander(1)

    def _fetch(self, kind: str) -> bool:
        """Find and take a thing of this type; say whether it is in hand now."""
        seen = self._find(kind)
        if not seen or self.held:
            return False
        name, receptacle = self.rng.choice(seen)
        if self._reach(f"take {kind}", receptacle):
            self._do(f"take {kind}", f"take {name} from {receptacle}")
        return self.held == name

    def _find(self, kind: str) -> list[tuple[str, str]]:
        """Look into unknown receptacles until a thing of this type is seen; say what and where."""
        order = list(self.receptacles)
        if not self._chance(self.habits.tidy):
            self.rng.shuffle(order)
        for receptacle in order:
            if self._seen(kind):
                break
            if receptacle not in self.contents:
                self._reach(f"find {kind}", receptacle)
        return self._seen(kind)

    def _handle(self, kind: str) -> None:
        """Do something with the thing in hand, then put it down."""
        uses = [
            (verb, receptacle)
            for verb, (appliance, kinds) in USES.items()
            for receptacle in self.receptacles
            if _kind(receptacle) == appliance and kind in kinds
        ]
        if uses and self._chance(self.habits.change):
            verb, receptacle = self.rng.choice(uses)
            if self._walk(f"{verb} {kind}", receptacle):
                self._do(f"{verb} {kind}", f"{verb} {self.held} with {receptacle}")
        if LAMP in self.lamps and self._chance(self.habits.light):
            lamps = self._find(LAMP)
            if lamps and self._walk(f"turn on {LAMP}", lamps[0][1]):
                self._do(f"turn on {LAMP}", f"use {lamps[0][0]}")
        if self.held:
            self._put_down(kind)

    def _put_down(self, kind: str) -> None:
        """Put the thing in hand where such things belong, mostly not where it came from."""
        fitting = [r for r in self.receptacles if kind in FITS.get(_kind(r), ())]
        elsewhere = [r for r in fitting if r != self.origin]
        target = _kind(self.rng.choice(elsewhere or fitting))
        thought = f"put {kind} in {target}"
        receptacle = self.rng.choice([r for r in fitting if _kind(r) == target])
        if self._reach(thought, receptacle) and self.held:
            self._do(thought, f"move {self.held} to {receptacle}")

    def _walk(self, thought: str, receptacle: str) -> bool:
        if self.place != receptacle:
            self._do(thought, f"go to {receptacle}")
        return self.place == receptacle

    def _reach(self, thought: str, receptacle: str) -> bool:
        """Go to a receptacle and open it if it is closed; say whether it is at hand."""
        if self._walk(thought, receptacle) and f"open {receptacle}" in self.admissible():
            self._do(thought, f"open {receptacle}")
        return self.place == receptacle

    def _seen(self, kind: str) -> list[tuple[str, str]]:
        """Return (thing, receptacle) for all things of a type that were seen somewhere."""
        return [(o, r) for r, names in self.contents.items() for o in names if _kind(o) == kind]

    def _do(self, thought: str, action: str) -> None:
        if self._chance(self.habits.slip):
            self._wander(1)
        if self._chance(self.habits.mistake):
            self._perform(thought, self._mistaken(action))
        self._perform(thought, action)

    def _mistaken(self, action: str) -> str:
        """Return the action with another receptacle of the room, or another number, in it."""
        *words, kind, number = action.split()
        if self._chance(0.5):
            return " ".join([*words, self.rng.choice(self.receptacles)])
        return " ".join([*words, kind, str(int(number) % 3 + 1)])

    def _wander(self, count: int) -> None:
        """Take random possible actions without a thought, each kind of action equally likely."""
        for _ in range(count):
            possible = [action for action in self.admissible() if action != "help"]
            kind = self.rng.choice(sorted({_kind(action) for action in possible}))
            self._perform("", self.rng.choice([a for a in possible if _kind(a) == kind]))

    def _perform(self, thought: str, action: str) -> None:
        observation = self.act(thought, action)
        words = action.split()
        if observation.startswith("You arrive"):
            self.place = " ".join(words[2:])
        elif observation.startswith("You pick up"):
            self.held, self.origin = " ".join(words[1:3]), self.place
            self.contents[self.place].remove(self.held)
        elif observation.startswith("You move"):
            self.contents[self.place].append(self.held)
            self.held = ""
        if match := _CONTENT.search(observation):
            self.contents[match[1] or match[2]] = _ITEM.findall(match[3])

    def _chance(self, probability: float) -> bool:
        return self.rng.random() < probability


def _kind(name: str) -> str:
    return name.split()[0]
