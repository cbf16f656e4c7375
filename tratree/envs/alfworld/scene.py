"""The floor plans of the alfworld package: which furniture and object types a scene has."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tratree.envs.alfworld.package import constants

FIXED_RECEPTACLES = frozenset(
    set(constants.RECEPTACLES) - constants.MOVABLE_RECEPTACLES_SET - {"PaintingHanger"}
)
"""Receptacle types that are furniture."""

_FITS = {
    receptacle: frozenset(o for o in objects if not o.endswith("Sliced"))
    for receptacle, objects in constants.VAL_RECEPTACLE_OBJECTS.items()
    if receptacle in FIXED_RECEPTACLES
}
"""For each furniture type the types of objects that can be picked up and put there."""

PORTABLE = frozenset().union(*_FITS.values())
"""Object types that can be picked up."""

_STANDS_ON = {
    "DeskLamp": {"Desk", "SideTable", "Dresser", "Shelf", "DiningTable", "CoffeeTable"},
    "HousePlant": {"CounterTop", "DiningTable", "SideTable", "Shelf", "CoffeeTable", "Desk"},
    "Television": {"TVStand", "Dresser", "SideTable"},
}
"""Objects that stay where they are, and what they are on in the official games."""

_PIECES = {"StoveBurner": (4, 4), "TowelHolder": (1, 2), "HandTowelHolder": (1, 2)}
"""Numbers of pieces in official scenes where the package gives no positions; otherwise one."""

Location = tuple[int, int, int, int]
"""A pose of the agent: x and z in steps of 25 cm, quarter turns, and degrees of head tilt."""


@dataclass(frozen=True)
class Receptacle:
    """A piece of furniture.

    Attributes:
        identifier: Its name in PDDL, with its position.
        type: For example ``Cabinet``.
        position: x, y, z in metres.
        location: The agent's place to reach it; no two pieces share one.
    """

    identifier: str
    type: str
    position: tuple[float, float, float]
    location: Location


@dataclass(frozen=True)
class Scene:
    """A floor plan: what is the same in every game that is played in it.

    Attributes:
        number: 1-30 kitchens, 201-230 living rooms, 301-330 bedrooms, 401-430 bathrooms.
        receptacles: Sorted by identifier.
        object_types: Types that games may place here, sorted.
    """

    number: int
    receptacles: tuple[Receptacle, ...]
    object_types: tuple[str, ...]

    @property
    def receptacle_types(self) -> tuple[str, ...]:
        """The types of furniture, sorted."""
        return tuple(sorted({r.type for r in self.receptacles}))


def can_hold(receptacle_type: str, object_type: str) -> bool:
    """Say whether games place objects of this type in furniture of that type."""
    if object_type in _STANDS_ON:
        return receptacle_type in _STANDS_ON[object_type]
    return object_type in _FITS.get(receptacle_type, ())


def pddl_identifier(type_name: str, position: tuple[float, float, float]) -> str:
    """Name an entity as the official games do, position included.

    >>> pddl_identifier("SinkBasin", (0.5, 1.0, -2.25))
    'Sink_bar__plus_00_dot_50_bar__plus_01_dot_00_bar__minus_02_dot_25_bar_SinkBasin'
    """
    parts = [type_name.removesuffix("Basin")]
    for value in position:
        sign = "minus" if value < 0 else "plus"
        parts.append(f"_{sign}_{abs(value):05.2f}".replace(".", "_dot_"))
    if type_name.endswith("Basin"):
        parts.append(type_name)
    return "_bar_".join(parts)


@cache
def load_scene(number: int) -> Scene:
    """Read a floor plan.

    Furniture that the package lists without a position gets one drawn from a generator that
    depends on the scene only, so a scene has the same furniture in all its games.
    """
    layouts = files("alfworld.gen") / "layouts"
    object_types = set(json.loads((layouts / f"FloorPlan{number}-objects.json").read_text()))
    poses = json.loads((layouts / f"FloorPlan{number}-openable.json").read_text())

    receptacles: list[Receptacle] = []
    taken: set[Location] = set()
    for name, (x, z, rotation, tilt) in sorted(poses.items()):
        first, *coordinates, last = name.split("|")
        type_name = last if last.endswith("Basin") else first
        if not last.endswith("Basin"):
            coordinates.append(last)
        if type_name in FIXED_RECEPTACLES:
            position = (float(coordinates[0]), float(coordinates[1]), float(coordinates[2]))
            location = (round(x / 0.25), round(z / 0.25), round(rotation / 90) % 4, round(tilt))
            receptacles.append(_place(type_name, position, location, taken))

    rng = random.Random(f"scene {number}")
    xs = [pose[0] for pose in poses.values()]
    zs = [pose[1] for pose in poses.values()]
    present = {r.type for r in receptacles}
    for type_name in sorted((object_types & FIXED_RECEPTACLES) - present):
        for _ in range(rng.randint(*_PIECES.get(type_name, (1, 1)))):
            x, z = rng.uniform(min(xs) - 1, max(xs) + 1), rng.uniform(min(zs) - 1, max(zs) + 1)
            location = (round(x / 0.25), round(z / 0.25), rng.randrange(4), 30)
            position = (x, rng.uniform(0, 1.6), z)
            receptacles.append(_place(type_name, position, location, taken))

    placeable = PORTABLE | set(_STANDS_ON)
    return Scene(
        number=number,
        receptacles=tuple(sorted(receptacles, key=lambda r: r.identifier)),
        object_types=tuple(sorted(object_types & placeable)),
    )


def _place(
    type_name: str,
    position: tuple[float, float, float],
    location: Location,
    taken: set[Location],
) -> Receptacle:
    """Make a receptacle, tilting the agent's head a degree further until its pose is free."""
    x, z, turn, tilt = location
    while (x, z, turn, tilt) in taken:
        tilt += 1
    taken.add((x, z, turn, tilt))
    identifier = pddl_identifier(type_name, position)
    return Receptacle(identifier, type_name, position, (x, z, turn, tilt))
