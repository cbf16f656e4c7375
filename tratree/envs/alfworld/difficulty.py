"""The size of generated games: the named presets."""

from __future__ import annotations

from dataclasses import dataclass

from tratree.errors import UserError


@dataclass(frozen=True)
class Difficulty:
    """Size of a generated game; every range is (lowest, highest), both included.

    Attributes:
        receptacles: Number of receptacles of the scene that are kept; None keeps all of them.
        distractors: Number of object types placed beyond those the goal needs; None places
            every type that the scene lists.
        copies: Number of objects of each type that can be picked up. A goal that needs
            two objects of one type gets one more of it.
    """

    receptacles: tuple[int, int] | None
    distractors: tuple[int, int] | None
    copies: tuple[int, int]


DIFFICULTIES = {
    "small": Difficulty(receptacles=(5, 6), distractors=(3, 5), copies=(1, 2)),
    "medium": Difficulty(receptacles=(9, 12), distractors=(10, 14), copies=(1, 2)),
    "full": Difficulty(receptacles=None, distractors=None, copies=(1, 3)),
}


def difficulty_named(name: str) -> Difficulty:
    """Return the preset called `name`.

    Raises:
        UserError: If there is no such preset.
    """
    if name not in DIFFICULTIES:
        raise UserError(f"unknown difficulty {name!r}; choose one of {', '.join(DIFFICULTIES)}")
    return DIFFICULTIES[name]
