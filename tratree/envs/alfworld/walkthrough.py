"""A plan that solves a game with full knowledge of it, and the check that it does."""

from __future__ import annotations

from tratree.envs.alfworld.goals import Goal
from tratree.envs.alfworld.package import constants
from tratree.envs.alfworld.room import PlacedObject, Room
from tratree.envs.alfworld.scene import Receptacle, can_hold


def plan(room: Room, goal: Goal) -> tuple[str, ...]:
    """Return commands that reach `goal` from the start of `room`."""
    names = room.names()
    opened: set[Receptacle] = set()
    commands: list[str] = []
    here: Receptacle | None = None

    def go(receptacle: Receptacle) -> None:
        nonlocal here
        if receptacle != here:
            commands.append(f"go to {names[receptacle.identifier]}")
            here = receptacle

    def reach_into(receptacle: Receptacle) -> None:
        go(receptacle)
        if receptacle.type in constants.OPENABLE_CLASS_SET and receptacle not in opened:
            commands.append(f"open {names[receptacle.identifier]}")
            opened.add(receptacle)

    def effort(o: PlacedObject) -> tuple[bool, str]:
        return o.receptacle.type in constants.OPENABLE_CLASS_SET, o.identifier

    targets = sorted((o for o in room.objects if o.type == goal.target), key=effort)
    rule = goal.rule
    for target in targets[: rule.targets]:
        name = names[target.identifier]
        reach_into(target.receptacle)
        commands.append(f"take {name} from {names[target.receptacle.identifier]}")
        if rule.appliance:
            appliance = next(r for r in room.receptacles if r.type == rule.appliance)
            go(appliance)
            commands.append(f"{rule.verb} {name} with {names[appliance.identifier]}")
        if rule.under_lamp:
            lamp = next(o for o in room.objects if o.type == goal.lamp)
            go(lamp.receptacle)
            commands.append(f"use {names[lamp.identifier]}")
        else:
            destination = next(r for r in room.receptacles if r.type == goal.destination)
            reach_into(destination)
            commands.append(f"move {name} to {names[destination.identifier]}")
    return tuple(commands)


def solves(commands: tuple[str, ...], room: Room, goal: Goal) -> bool:
    """Replay `commands` on the preconditions and effects of alfworld's domain.

    Returns:
        Whether every command is possible in its turn, the goal is reached after the last one, and
        it is not reached before.
    """
    names = room.names()
    receptacles = {names[r.identifier]: r for r in room.receptacles}
    objects = {names[o.identifier]: o for o in room.objects}
    inside: dict[str, str] = {
        names[o.identifier]: names[o.receptacle.identifier] for o in room.objects
    }
    here = held = ""
    opened: set[str] = set()
    done: set[tuple[str, str]] = set()

    def reached() -> bool:
        rule = goal.rule
        targets = [n for n, o in objects.items() if o.type == goal.target]
        if rule.under_lamp:
            lamps = [n for n, o in objects.items() if o.type == goal.lamp]
            lit = any(("use", n) in done and inside.get(n) == here for n in lamps)
            return lit and held in targets
        for place, receptacle in receptacles.items():
            there = [n for n in targets if inside.get(n) == place]
            if rule.verb:
                there = [n for n in there if (rule.verb, n) in done]
            if receptacle.type == goal.destination and len(there) >= rule.targets:
                return True
        return False

    def accessible(place: str) -> bool:
        openable = receptacles[place].type in constants.OPENABLE_CLASS_SET
        return place == here and (not openable or place in opened)

    for command in commands:
        if reached():
            return False
        match command.split():
            case ["go", "to", *place] if " ".join(place) in receptacles:
                here = " ".join(place)
            case ["open", *place] if " ".join(place) == here and not accessible(here):
                opened.add(here)
            case ["take", a, b, "from", c, d] if (
                not held and inside.get(f"{a} {b}") == f"{c} {d}" and accessible(f"{c} {d}")
            ):
                held = f"{a} {b}"
                del inside[held]
            case ["move", a, b, "to", c, d] if (
                held == f"{a} {b}"
                and accessible(f"{c} {d}")
                and can_hold(receptacles[here].type, objects[held].type)
            ):
                inside[held], held = here, ""
            case [verb, a, b, "with", c, d] if (
                verb == goal.rule.verb
                and held == f"{a} {b}"
                and here == f"{c} {d}"
                and receptacles[here].type == goal.rule.appliance
                and objects[held].type in constants.VAL_ACTION_OBJECTS[goal.rule.property]
            ):
                done.add((verb, held))
            case ["use", *lamp] if inside.get(" ".join(lamp)) == here:
                done.add(("use", " ".join(lamp)))
            case _:
                return False
    return reached()
