"""The scenes of each split of generated games."""

from __future__ import annotations

from tratree.envs.alfworld.package import constants
from tratree.errors import UserError

UNSEEN_SCENES = (10, 219, 308, 424)
"""ALFRED's scenes for ``valid_unseen``; no other split uses them."""

DEVELOPMENT_SCENES = (9, 218, 307, 423)
"""Scenes for choosing settings; no other split uses them, and no result is measured on them."""

SPLITS = ("pretraining", "train", "valid_seen", "valid_unseen", "development")


def scenes_of_split(split: str) -> tuple[int, ...]:
    """Return the scene numbers of a split, sorted.

    ``train`` and ``valid_seen`` share their scenes (the odd ones left), not their games;
    ``pretraining`` has the even ones left.

    Raises:
        UserError: If games can't be generated for this split.
    """
    if split not in SPLITS:
        raise UserError(
            f"games can't be generated for split {split!r}: choose one of {', '.join(SPLITS)}"
        )
    if split == "valid_unseen":
        return UNSEEN_SCENES
    if split == "development":
        return DEVELOPMENT_SCENES
    parity = 0 if split == "pretraining" else 1
    reserved = UNSEEN_SCENES + DEVELOPMENT_SCENES
    scenes = sorted(n for numbers in constants.SCENE_TYPE.values() for n in numbers)
    return tuple(n for n in scenes if n % 2 == parity and n not in reserved)
