"""The six task types: which goals a scene allows, and their sentence and PDDL text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tratree.envs.alfworld.package import constants, goal_library
from tratree.envs.alfworld.scene import PORTABLE, can_hold, load_scene

LAMP = "DeskLamp"


@dataclass(frozen=True)
class TaskRule:
    """The distinguishing features of a task type.

    Attributes:
        verb: The command that changes the target before it is put down; "" if none does.
        appliance: The type of receptacle that this command needs.
        property: The key of alfworld's table of the object types it works on.
        targets: Number of objects of the target type that the goal needs.
        under_lamp: Whether the target is looked at under a lamp rather than put somewhere.
    """

    verb: str = ""
    appliance: str = ""
    property: str = ""
    targets: int = 1
    under_lamp: bool = False


TASK_RULES = {
    "pick_and_place_simple": TaskRule(),
    "look_at_obj_in_light": TaskRule(under_lamp=True),
    "pick_clean_then_place_in_recep": TaskRule("clean", "SinkBasin", "Cleanable"),
    "pick_heat_then_place_in_recep": TaskRule("heat", "Microwave", "Heatable"),
    "pick_cool_then_place_in_recep": TaskRule("cool", "Fridge", "Coolable"),
    "pick_two_obj_and_place": TaskRule(targets=2),
}
"""ALFRED's task types in the order of alfworld's own numbering."""


@dataclass(frozen=True)
class Goal:
    """The goal of a game.

    Attributes:
        task_type: A key of `TASK_RULES`.
        target: The type of object to find.
        destination: The type of receptacle to put it in; "" when it is looked at under a lamp.
        template: Number of the goal library's sentence for this task type that words it.
    """

    task_type: str
    target: str
    destination: str
    template: int

    @property
    def rule(self) -> TaskRule:
        """The rule of its task type."""
        return TASK_RULES[self.task_type]

    @property
    def lamp(self) -> str:
        """The type of lamp that must be switched on; "" if none must."""
        return LAMP if self.rule.under_lamp else ""

    def sentence(self) -> str:
        """The goal in words, for example ``put a clean mug in cabinet``."""
        template: str = goal_library.gdict[self.task_type]["templates"][self.template]
        return template.format(
            obj=self.target.lower(), recep=self.destination.lower(), toggle=self.lamp.lower()
        )

    def pddl(self) -> str:
        """The goal in PDDL, with the parenthesis that closes the problem."""
        text: str = goal_library.gdict[self.task_type]["pddl"]
        filled = text.format(obj=self.target, recep=self.destination, toggle=self.lamp)
        return filled.replace("#", "-")

    def may_start_in(self, receptacle_type: str) -> bool:
        """Say whether the target may be in such a receptacle when the game starts."""
        excluded = (self.destination, self.rule.appliance)
        return receptacle_type not in excluded and can_hold(receptacle_type, self.target)


@cache
def goals_of_scene(number: int, task_type: str) -> Mapping[str, tuple[str, ...]]:
    """Return the destinations of each target type that a task type can have in a scene.

    They are sorted, and empty if the scene does not allow the task type. For
    ``look_at_obj_in_light`` the only destination is "".
    """
    scene = load_scene(number)
    furniture = scene.receptacle_types
    rule = TASK_RULES[task_type]
    if rule.appliance and rule.appliance not in furniture:
        return {}
    if rule.under_lamp and not (
        LAMP in scene.object_types and any(can_hold(place, LAMP) for place in furniture)
    ):
        return {}
    suitable = constants.VAL_ACTION_OBJECTS[rule.property] if rule.property else PORTABLE
    goals = {}
    for target in scene.object_types:
        if target not in PORTABLE or target not in suitable:
            continue
        places = [t for t in furniture if can_hold(t, target) and t != rule.appliance]
        if rule.under_lamp:
            destinations = [""] if places else []
        else:
            destinations = places if len(places) > 1 else []
        if destinations:
            goals[target] = tuple(destinations)
    return goals
