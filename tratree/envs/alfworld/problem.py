"""A game's start and goal as a PDDL problem."""

from __future__ import annotations

from tratree.envs.alfworld.goals import Goal
from tratree.envs.alfworld.package import constants
from tratree.envs.alfworld.room import Room
from tratree.envs.alfworld.scene import PORTABLE, Location, can_hold

_PROPERTIES = ("Cleanable", "Heatable", "Coolable", "Toggleable", "Sliceable")


def problem_text(name: str, room: Room, goal: Goal) -> str:
    """Write a game's start and goal as a PDDL problem of alfworld's domain."""
    object_types = sorted({o.type for o in room.objects})
    receptacle_types = sorted({r.type for r in room.receptacles})
    locations = sorted({r.location for r in room.receptacles} | {room.start})
    declared = ["agent1 - agent"]
    declared += [f"{t}Type - otype" for t in object_types]
    declared += [f"{t}Type - rtype" for t in receptacle_types]
    declared += [f"{o.identifier} - object" for o in room.objects]
    declared += [f"{r.identifier} - receptacle" for r in room.receptacles]
    declared += [f"{_location_name(location)} - location" for location in locations]

    facts = [f"atLocation agent1 {_location_name(room.start)}"]
    for r in room.receptacles:
        facts.append(f"receptacleType {r.identifier} {r.type}Type")
        facts.append(f"receptacleAtLocation {r.identifier} {_location_name(r.location)}")
        if r.type in constants.OPENABLE_CLASS_SET:
            facts.append(f"openable {r.identifier}")
    for receptacle_type in receptacle_types:
        for object_type in object_types:
            if object_type in PORTABLE and can_hold(receptacle_type, object_type):
                facts.append(f"canContain {receptacle_type}Type {object_type}Type")
    for o in room.objects:
        facts.append(f"objectType {o.identifier} {o.type}Type")
        facts.append(f"inReceptacle {o.identifier} {o.receptacle.identifier}")
        facts.append(f"objectAtLocation {o.identifier} {_location_name(o.receptacle.location)}")
        if o.type in PORTABLE:
            facts.append(f"pickupable {o.identifier}")
        if o.type in constants.MOVABLE_RECEPTACLES_SET:
            facts.append(f"isReceptacleObject {o.identifier}")
        for key in _PROPERTIES:
            if o.type in constants.VAL_ACTION_OBJECTS[key]:
                facts.append(f"{key.lower()} {o.identifier}")

    lines = [f"(define (problem plan_{name})", "(:domain alfred)", "(:objects"]
    lines += [f"    {line}" for line in declared]
    lines += [")", "(:init"]
    lines += [f"    ({fact})" for fact in sorted(facts)]
    lines += [")", goal.pddl()]
    return "\n".join(lines)


def _location_name(location: Location) -> str:
    return "_bar_".join(["loc", *(str(n).replace("-", "_minus_") for n in location)])
