"""Playing ScienceWorld in the official training variations of the tasks of the default run.

The player goes through the house, looks, and does something with a thing that it notices. It reads
neither the task nor the points, and does not notice that a task is solved or failed.
"""

from __future__ import annotations

import random
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from transcript import Transcript

from tratree.cli.compose import compose_config
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
"""Which rooms have doors to which; the same in all variations."""

LIVELY = ("kitchen", "outside", "greenhouse")
"""Rooms with the most things in them, visited more often."""

_ROOM = re.compile(r"(?:This room|This outside location) is called the (.+?)\.")
_NO_THING = re.compile(r"(?:agent|air|object|.*\bdoor\b.*)")
_LOOKS = ("look at", "look in", "open", "close", "activate", "deactivate", "eat", "read")


@dataclass(frozen=True)
class Habits:
    """How the player behaves; all are probabilities.

    Attributes:
        stay: That the next thing is in the room where the player is.
        lively: That the next room is one of `LIVELY`.
        door: That it tries to open a door before it goes through.
        look: That it looks around in a room where it wants to do something.
        carry: That it takes a thing and carries it somewhere.
        focus: That it focuses on a thing before it takes it.
        box: That it carries a thing to a box, if there is one.
        silent: That it acts without a thought.
        mistake: That it tries to take or move what is not there.
    """

    stay: float = 0.2
    lively: float = 0.55
    door: float = 0.75
    look: float = 0.85
    carry: float = 0.5
    focus: float = 0.6
    box: float = 0.6
    silent: float = 0.08
    mistake: float = 0.05


def prepare(root: Path, transcripts: int) -> None:
    """Do nothing: there is nothing to prepare."""


class World(Simulator):
    """The simulator, and what actions may call the things at hand."""

    def objects(self) -> list[str]:
        """Return the names of everything at hand, sorted; rooms and doors are among them."""
        return sorted(self._call(lambda: list(self._machine.simulator.getPossibleObjects())))


class Playground:
    """Plays one episode a transcript."""

    def __init__(self, root: Path, start: int) -> None:
        """Start a simulator."""
        settings = compose_config(["env=scienceworld"]).env
        self._simulator = World(settings.simplification)
        self._places = [
            (name, variation)
            for name in settings.tasks
            for variation in self._simulator.variations(name)["train"]
        ]

    def play(self, number: int, transcript: Transcript, rng: random.Random) -> None:
        """Play until the transcript is full."""
        description = self._simulator.load(*rng.choice(self._places))
        seen = self._simulator.step("look around").observation
        transcript.open(f"{description}\n{seen}")
        Player(self._simulator, transcript, Habits(), rng, seen).play()

    def close(self) -> None:
        """End the simulator."""
        self._simulator.close()


class Player:
    """Plays one episode; `room` is where it is.

    What it does on the way to an action is recorded with the thought of that action, as the
    expert words its thoughts: the thought is written down afterwards.
    """

    def __init__(
        self,
        simulator: World,
        transcript: Transcript,
        habits: Habits,
        rng: random.Random,
        seen: str,
    ) -> None:
        """Begin where `seen`, the first look around, tells."""
        self._simulator = simulator
        self._transcript = transcript
        self._habits = habits
        self._rng = rng
        self._way: list[tuple[str, str]] = []
        match = _ROOM.match(seen)
        assert match is not None
        self.room = match[1]

    def play(self) -> None:
        """Play on and on; ends only when the transcript is full."""
        while True:
            self._visit(self._next_room())
            thing = self._rng.choice(self._things())
            if self._chance(self._habits.carry):
                self._carry(thing)
            elif self._chance(self._habits.focus):
                self._act(f"focus on {thing}")
            else:
                self._act(f"{self._rng.choice(_LOOKS)} {thing}")

    def _carry(self, thing: str) -> None:
        if self._chance(self._habits.focus):
            self._act(f"focus on {thing}")
        observation = self._act(f"pick up {thing}")
        if "to the inventory" not in observation and not self._chance(self._habits.mistake):
            return
        self._walk(self._next_room())
        things = self._things()
        held = [name for name in things if name.endswith("in inventory")]
        name = self._rng.choice(held or [thing])
        boxes = [name for name in things if name.endswith("box")]
        if not (boxes and self._chance(self._habits.box)):
            boxes = [other for other in things if other != name] or things
        self._act(f"move {name} to {self._rng.choice(boxes)}")

    def _next_room(self) -> str:
        if self._chance(self._habits.stay):
            return self.room
        if self._chance(self._habits.lively):
            return self._rng.choice(LIVELY)
        return self._rng.choice(sorted(HOUSE))

    def _visit(self, room: str) -> None:
        self._walk(room)
        if self._chance(self._habits.look):
            self._note("look around")

    def _walk(self, room: str) -> None:
        for step in route(self.room, room):
            if self._chance(self._habits.door):
                self._note(f"open door to {step}")
            self._note(f"go to {step}")
            self.room = step

    def _things(self) -> list[str]:
        """Return the names of things at hand, as actions may call them, sorted; not empty."""
        names = self._simulator.objects()
        return [n for n in names if n not in HOUSE and not _NO_THING.fullmatch(n)] or names

    def _note(self, action: str) -> None:
        """Do something on the way to what is not decided yet."""
        self._way.append((action, self._simulator.step(action).observation))

    def _act(self, action: str) -> str:
        observation = self._simulator.step(action).observation
        thought = "" if self._chance(self._habits.silent) else action
        way, self._way = [*self._way, (action, observation)], []
        for done, seen in way:
            self._transcript.add(thought, done, seen)
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
