"""The ScienceWorld simulator: one episode at a time, which outlives its virtual machine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from py4j.protocol import Py4JError

from tratree.envs.scienceworld.virtual_machine import VirtualMachine
from tratree.errors import UserError

AMBIGUOUS = "Ambiguous request"
"""Beginning of the answer to an ambiguous action; a number then picks one of its meanings."""

_UNKNOWN = "No known action matches that input."
_NOT_UNDERSTOOD = (_UNKNOWN, "Unknown action.", "ERROR: ")

_NUMBERED = re.compile(r"(?<=-)\d+$")

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Outcome:
    """The simulator's response to an action.

    Attributes:
        observation: Its text.
        points: From 0 to 100; -100 once the task has failed.
        completed: Whether every subgoal is met.
        understood: Whether its parser knew the action.
    """

    observation: str
    points: int
    completed: bool
    understood: bool


class Simulator:
    """Plays one episode at a time on a virtual machine that it starts when it needs one.

    A machine that dies or hangs is replaced and the episode's actions are played again. An action
    that breaks the new machine, too, counts as one that is not understood.

    Args:
        simplification: ``easy``, or some of the simulator's other simplifications joined by
            commas, or nothing.
        java: See `VirtualMachine`, as for `deterministic`, `heap_megabytes` and `seconds`.
        deterministic: See there.
        heap_megabytes: See there; playing needs 64, most gold paths less than 384.
        seconds: See there.
    """

    def __init__(
        self,
        simplification: str = "",
        *,
        java: str = "packaged",
        deterministic: bool = True,
        heap_megabytes: int = 128,
        seconds: float = 180.0,
    ) -> None:
        self._simplification = simplification
        self._machine_settings: dict[str, Any] = {
            "java": java,
            "deterministic": deterministic,
            "heap_megabytes": heap_megabytes,
            "seconds": seconds,
        }
        self._running: VirtualMachine | None = None
        self._episode: tuple[str, int] | None = None
        self._actions: list[str] = []
        self._latest: Outcome | None = None

    @property
    def process(self) -> int | None:
        """The virtual machine's process, if one was started."""
        return self._running.pid if self._running else None

    def load(self, name: str, variation: int) -> str:
        """Start an episode of a task and return the task's description.

        Raises:
            UserError: If there is no such task or variation.
        """
        self._episode, self._actions, self._latest = None, [], None
        description = self._call(lambda: self._load(name, variation))
        self._episode = name, variation
        return description

    def step(self, action: str) -> Outcome:
        """Send an action to the episode under way."""
        try:
            self._latest = self._attempt(lambda: self._send(action))
        except Py4JError:
            self._restart()
            points = self._latest.points if self._latest else 0
            return Outcome(_UNKNOWN, points, completed=False, understood=False)
        self._actions.append(action)
        return self._latest

    def admissible(self) -> list[str]:
        """Return the actions that the simulator takes to be possible now, sorted.

        Unlike in the original, to ask has no effect on the rest of the episode.
        """
        return self._call(self._admissible)

    def world(self) -> str:
        """Return a digest of all objects with their properties and places, and of the subgoals.

        A question that waits for its answer counts, too.

        Equal worlds have equal ones, whichever virtual machine they are in: the objects' numbers
        count from the universe's. Unlike in the original, to ask has no effect on the episode.
        """
        return self._call(self._world)

    def variations(self, name: str) -> dict[str, list[int]]:
        """Return the official splits ``train``, ``dev`` and ``test`` of a task's variations.

        Ends the episode under way.
        """
        self.load(name, 0)
        return self._call(
            lambda: {
                "train": list(self._machine.simulator.getVariationsTrain()),
                "dev": list(self._machine.simulator.getVariationsDev()),
                "test": list(self._machine.simulator.getVariationsTest()),
            }
        )

    def gold(self, name: str, variation: int) -> list[str]:
        """Return a list of actions that solves the task; ends the episode under way."""
        self._episode = None
        return self._call(lambda: self._solve(name, variation))

    def close(self) -> None:
        """End the episode and the virtual machine; may be called twice."""
        self._episode = None
        if self._running is not None:
            self._running.close()
            self._running = None

    @property
    def _machine(self) -> VirtualMachine:
        if self._running is None:
            self._running = VirtualMachine(**self._machine_settings)
        return self._running

    def _call(self, request: Callable[[], _Answer]) -> _Answer:
        try:
            return self._attempt(request)
        except Py4JError as error:
            raise _lost(error) from error

    def _attempt(self, request: Callable[[], _Answer]) -> _Answer:
        try:
            return request()
        except Py4JError:
            self._restart()
            return request()

    def _restart(self) -> None:
        """Put a new virtual machine where the episode was."""
        if self._running is not None:
            self._running.close()
            self._running = None
        if self._episode is None:
            return
        try:
            self._load(*self._episode)
            for action in self._actions:
                self._send(action)
        except Py4JError as error:
            raise _lost(error) from error

    def _load(self, name: str, variation: int, gold: bool = False) -> str:
        simulator = self._machine.simulator
        problem = simulator.load(name, variation, self._simplification, gold)
        if problem:
            raise UserError(
                f"ScienceWorld has no task {name}/{variation}: {' '.join(problem.split())}"
            )
        return str(simulator.getTaskDescription())

    def _solve(self, name: str, variation: int) -> list[str]:
        self._load(name, variation, gold=True)
        return list(self._machine.simulator.getGoldActionSequence())

    def _send(self, action: str) -> Outcome:
        simulator = self._machine.simulator
        observation = simulator.step(action)
        return Outcome(
            observation=observation,
            points=round(100 * simulator.getScore()),
            completed=simulator.getCompleted(),
            understood=not observation.startswith(_NOT_UNDERSTOOD),
        )

    def _world(self) -> str:
        simulator = self._machine.simulator
        with self._machine.random_state_kept(), TemporaryDirectory() as folder:
            problem = simulator.getObjectTree(folder)
            if problem:
                raise UserError(f"ScienceWorld cannot tell its state: {problem}")
            universe = json.loads((Path(folder) / "objectTree.json").read_text("utf-8"))
        first = int(universe["uuid"])
        asks = self._latest is not None and self._latest.observation.startswith(AMBIGUOUS)
        told = [
            canonical(universe, first),
            simulator.getGoalProgressStr(),
            self._latest.observation if self._latest and asks else "",
        ]
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _admissible(self) -> list[str]:
        with self._machine.random_state_kept():
            return sorted(self._machine.simulator.getValidActionObjectCombinations())


def canonical(thing: Any, first: int) -> Any:
    """Return a part of the simulator's object tree as it is in every virtual machine.

    Args:
        thing: JSON data. Temperatures and the like become whole numbers.
        first: The number of the universe, from which all count.
    """
    if isinstance(thing, list):
        return sorted((canonical(each, first) for each in thing), key=json.dumps)
    if isinstance(thing, float):
        return round(thing)
    if isinstance(thing, str) and thing.isdecimal():  # an object's number
        return int(thing) - first
    if not isinstance(thing, dict):
        return thing
    return {
        _NUMBERED.sub(lambda found: str(int(found.group()) - first), name): canonical(value, first)
        for name, value in thing.items()
    }


def _lost(error: Py4JError) -> UserError:
    reason = str(error).strip().split("\n")[-1]
    return UserError(
        f"ScienceWorld's virtual machine was lost twice in a row ({reason}): free some memory"
    )
