"""The state in which a game starts, drawn for a goal."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tratree.envs.alfworld.difficulty import Difficulty
from tratree.envs.alfworld.goals import Goal
from tratree.envs.alfworld.scene import (
    PORTABLE,
    Location,
    Receptacle,
    Scene,
    can_hold,
    pddl_identifier,
)


@dataclass(frozen=True)
class PlacedObject:
    """An object and the receptacle it is in when the game starts."""

    identifier: str
    type: str
    receptacle: Receptacle


@dataclass(frozen=True)
class Room:
    """The start of a game.

    Attributes:
        receptacles: The furniture of this game, sorted by identifier.
        objects: Its contents, sorted by identifier.
        start: First place of the agent: at no receptacle.
    """

    receptacles: tuple[Receptacle, ...]
    objects: tuple[PlacedObject, ...]
    start: Location

    def names(self) -> dict[str, str]:
        """Map each identifier to its name in the game's text, for example ``cabinet 3``."""
        return _text_names(
            [r.identifier for r in self.receptacles] + [o.identifier for o in self.objects]
        )


def draw_room(rng: random.Random, scene: Scene, goal: Goal, difficulty: Difficulty) -> Room:
    """Draw a start in which `goal`, one of the scene's, can be reached but is not reached yet."""
    receptacles = _draw_receptacles(rng, scene, goal, difficulty)
    low, high = difficulty.copies

    wanted: list[str] = [goal.target] * (goal.rule.targets + rng.randint(low, high) - 1)
    if goal.lamp:
        wanted.append(goal.lamp)
    distractors = [t for t in scene.object_types if t not in (goal.target, goal.lamp)]
    distractors = [t for t in distractors if any(can_hold(r.type, t) for r in receptacles)]
    if difficulty.distractors:
        number = rng.randint(*difficulty.distractors)
        distractors = sorted(rng.sample(distractors, min(number, len(distractors))))
    for object_type in distractors:
        wanted += [object_type] * (rng.randint(low, high) if object_type in PORTABLE else 1)

    objects: dict[str, PlacedObject] = {}
    for object_type in wanted:
        is_target = object_type == goal.target
        places = [
            r
            for r in receptacles
            if (goal.may_start_in(r.type) if is_target else can_hold(r.type, object_type))
        ]
        placed = _put(rng, object_type, _choose_type_first(rng, places))
        while placed.identifier in objects:
            placed = _put(rng, object_type, placed.receptacle)
        objects[placed.identifier] = placed

    reserved = {r.location for r in receptacles}
    start = (rng.randint(-6, 6), rng.randint(-6, 6), rng.randrange(4), 30)
    while start in reserved:
        start = (start[0] + 1, *start[1:])
    return Room(receptacles, tuple(objects[name] for name in sorted(objects)), start)


def _draw_receptacles(
    rng: random.Random, scene: Scene, goal: Goal, difficulty: Difficulty
) -> tuple[Receptacle, ...]:
    if difficulty.receptacles is None:
        return scene.receptacles
    number = rng.randint(*difficulty.receptacles)
    kept: list[Receptacle] = []

    def keep(candidates: Iterable[Receptacle]) -> None:
        kept.append(_choose_type_first(rng, [r for r in candidates if r not in kept]))

    keep(r for r in scene.receptacles if goal.may_start_in(r.type))
    if goal.destination:
        keep(r for r in scene.receptacles if r.type == goal.destination)
    if goal.rule.appliance:
        keep(r for r in scene.receptacles if r.type == goal.rule.appliance)
    if goal.lamp and not any(can_hold(r.type, goal.lamp) for r in kept):
        keep(r for r in scene.receptacles if can_hold(r.type, goal.lamp))
    while len(kept) < min(number, len(scene.receptacles)):
        keep(scene.receptacles)
    return tuple(sorted(kept, key=lambda r: r.identifier))


def _choose_type_first(rng: random.Random, candidates: list[Receptacle]) -> Receptacle:
    """Choose a type evenly, then one of that type, so twenty cabinets count as one table."""
    chosen = rng.choice(sorted({r.type for r in candidates}))
    return rng.choice([r for r in candidates if r.type == chosen])


def _put(rng: random.Random, object_type: str, receptacle: Receptacle) -> PlacedObject:
    x, y, z = receptacle.position
    position = (x + rng.uniform(-0.4, 0.4), y + rng.uniform(0, 0.2), z + rng.uniform(-0.4, 0.4))
    return PlacedObject(pddl_identifier(object_type, position), object_type, receptacle)


def _text_names(identifiers: Iterable[str]) -> dict[str, str]:
    """Number the entities of a type as alfworld does: the first in order gets the last number."""
    ordered = sorted(identifiers, key=str.lower)
    words = {}
    for identifier in ordered:
        word, rest = identifier.lower().split("_bar_", 1)
        words[identifier] = word + "basin" if "basin" in rest else word
    left = Counter(words.values())
    names = {}
    for identifier in ordered:
        word = words[identifier]
        names[identifier] = f"{word} {left[word]}"
        left[word] -= 1
    return names
