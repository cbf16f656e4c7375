"""Playing ScienceWorld in the official training variations of the tasks of the default run.

The player goes somewhere, looks, focuses on some thing there, and mostly carries it to where the
task says things belong; what the task wants it does not read. It never sees the points, and does
not notice that a task is solved or failed.
"""

from __future__ import annotations

import random
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transcript import Transcript

from tratree.composition import compose_config
from tratree.envs.scienceworld.simulator import Simulator

HOUSE = {
    "hallway": ("art studio", "bedroom", "greenhouse", "kitchen", "living room", "workshop"),
    "kitchen": ("bathroom", "hallway", "outside"),
    "outside": ("foundry", "greenhouse", "kitchen"),
    "greenhouse": ("hallway", "outside"),
    "art studio": ("hallway",),
    "bedroom": ("hallway",),
    "living room": ("hallway",),
    "workshop": ("hallway",),
    "bathroom": ("kitchen",),
    "foundry": ("outside",),
}
"""Doors from each room to others; the same in all variations."""

LIVELY = ("kitchen", "outside", "greenhouse")
"""Rooms with the most things in them, visited more often."""

_ERRAND = re.compile(r"move it to the (.+) in the (.+)\.")
_ROOM = re.compile(r"(?:This room|This outside location) is called the (.+?)\.")
_POTTED = re.compile(r"\ban? (\w[\w ]*?) \(containing an? (\w[\w ]*?)(?: in the [^,)]*)?[,)]")
_NO_THING = re.compile(r"(?:agent|air|object|ground|substance.*|.*\bdoor\b.*)")
_LOOKS = ("look at", "look in", "open", "close", "activate", "deactivate", "eat", "read")


@dataclass(frozen=True)
class Habits:
    """The player's habits; all are probabilities.

    Attributes:
        box_room: That it looks for a thing where the box is.
        lively: That else it looks for one in a room of `LIVELY`.
        walk: That it walks through the doors instead of teleporting.
        look: That it looks around where it wants to do something.
        pot: That it takes something by what contains it.
        idle: That it does something useless with the thing that it sees.
        focus: That it focuses on a thing before it takes it.
        errand: That it takes a thing to where the task says; otherwise it takes it anywhere.
        wait: That it does another thing in the same episode.
        silent: That it acts without a thought.
        mistake: That it tries to take or move what is not there.
    """

    box_room: float = 0.3
    lively: float = 0.8
    walk: float = 0.08
    look: float = 0.93
    pot: float = 0.9
    idle: float = 0.1
    focus: float = 0.9
    errand: float = 0.85
    wait: float = 0.15
    silent: float = 0.03
    mistake: float = 0.03


def prepare(root: Path, transcripts: int) -> None:
    """Do nothing: there is nothing to prepare."""


class World(Simulator):
    """The simulator, and what actions may call the things at hand."""

    def objects(self) -> list[str]:
        """Return the names of everything at hand, sorted; rooms and doors are among them."""
        return sorted(self._call(lambda: list(self._machine.simulator.getPossibleObjects())))


class Playground:
    """Plays episode after episode."""

    def __init__(self, root: Path, start: int) -> None:
        """Start a simulator."""
        settings: Any = compose_config(["env=scienceworld"]).env
        self._simulator = World(settings.simplification)
        self._places = [
            (name, variation)
            for name in settings.tasks
            for variation in self._simulator.variations(name)["train"]
        ]

    def play(self, number: int, transcript: Transcript, rng: random.Random) -> None:
        """Play until the transcript is full."""
        while True:
            description = self._simulator.load(*rng.choice(self._places))
            seen = self._simulator.step("look around").observation
            transcript.open(f"{description}\n{seen}")
            Player(self._simulator, transcript, Habits(), rng, description, seen).play()

    def close(self) -> None:
        """End the simulator."""
        self._simulator.close()


class Player:
    """Plays one episode; `room` is where it is."""

    def __init__(
        self,
        simulator: World,
        transcript: Transcript,
        habits: Habits,
        rng: random.Random,
        description: str,
        seen: str,
    ) -> None:
        """Begin where `seen`, the first look around, tells."""
        self._simulator = simulator
        self._transcript = transcript
        self._habits = habits
        self._rng = rng
        match, errand = _ROOM.match(seen), _ERRAND.search(description)
        assert match is not None
        assert errand is not None
        self.room = match[1]
        self._box, self._box_room = errand[1], errand[2]
        self._seen = seen

    def play(self) -> None:
        """Carry a thing somewhere, and perhaps another one."""
        self._carry()
        while self._chance(self._habits.wait):
            self._carry()

    def _carry(self) -> None:
        to_box_room = self._chance(self._habits.box_room)
        self._go(self._box_room if to_box_room else self._some_room())
        if self._chance(self._habits.look):
            self._look()
        thing = self._some_thing()
        if self._chance(self._habits.idle):
            self._act(f"{self._rng.choice(_LOOKS)} {thing}")
        if self._chance(self._habits.focus):
            self._act(f"focus on {thing}")
        errand = self._chance(self._habits.errand)
        if not (to_box_room and errand):
            thing = self._pot_of(thing)
            if "to the inventory" not in self._act(f"pick up {thing}"):
                return
            self._go(self._box_room if errand else self._some_room())
        if not errand:
            self._look()
        self._act(f"move {thing} to {self._box if errand else self._some_thing()}")

    def _some_room(self) -> str:
        if self._chance(self._habits.lively):
            return self._rng.choice(LIVELY)
        return self._rng.choice(sorted(HOUSE))

    def _some_thing(self) -> str:
        """Return the name of a thing that was shown; if there is none, of any at hand."""
        names = self._simulator.objects()
        names = [n for n in names if n not in HOUSE and not _NO_THING.fullmatch(n)] or names
        shown = [n for n in names if re.search(rf"\b{re.escape(n)}\b", self._seen)]
        return self._rng.choice(names if self._chance(self._habits.mistake) else shown or names)

    def _pot_of(self, thing: str) -> str:
        pots = {inside: pot for pot, inside in _POTTED.findall(self._seen)}
        return pots.get(thing, thing) if self._chance(self._habits.pot) else thing

    def _look(self) -> None:
        self._seen = self._act("look around", "")

    def _go(self, room: str) -> None:
        if room == self.room:
            return
        if self._chance(self._habits.walk):
            for step in route(self.room, room):
                self._act(f"go to {step}", f"go to {room}")
        else:
            self._act(f"teleport to {room}")
        self.room = room

    def _act(self, action: str, thought: str | None = None) -> str:
        thought = action if thought is None else thought
        observation = self._simulator.step(action).observation
        silent = self._chance(self._habits.silent)
        self._transcript.add("" if silent else thought, action, observation)
        return observation

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability


def route(start: str, goal: str) -> list[str]:
    """Return the rooms of a shortest way, without the first."""
    ways = deque([[start]])
    while ways[0][-1] != goal:
        way = ways.popleft()
        ways.extend([*way, room] for room in HOUSE[way[-1]] if room not in way)
    return ways[0][1:]
