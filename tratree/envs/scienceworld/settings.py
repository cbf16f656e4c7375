"""Settings of ``env=scienceworld``; ``conf/env/scienceworld.yaml`` says what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from tratree.envs.settings import EnvSettings
from tratree.errors import UserError

SIMPLIFICATIONS = (
    "teleportAction",
    "openDoors",
    "openContainers",
    "selfWateringFlowerPots",
    "noElectricalAction",
)
"""The simulator's simplifications; ``easy`` stands for those of them that suit the task."""


@dataclass
class ScienceWorldSettings(EnvSettings):
    """``env=scienceworld``."""

    protocol: str = MISSING
    simplification: str = MISSING
    tasks: list[str] | None = MISSING
    variations: int | None = MISSING
    ambiguity: str = MISSING
    deterministic: bool = MISSING
    java: str = MISSING
    gold_paths: str = MISSING
    eto_indices: str | None = MISSING

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: If one is not known or out of its range, or two do not fit.
        """
        self.check_choice("protocol", "official", "eto")
        self.check_choice("ambiguity", "agent", "first")
        self.check_choice("java", "packaged", "system")
        self.check_choice("gold_paths", "original", "plain")
        unknown = set(self.simplification.split(",")) - set(SIMPLIFICATIONS)
        if self.simplification not in ("", "easy") and unknown:
            raise UserError(
                f"env.simplification={self.simplification} is not known: use easy alone, or none "
                f"(''), or some of {', '.join(SIMPLIFICATIONS)}, joined by commas"
            )
        if self.protocol == "eto" and self.simplification != "easy":
            raise UserError("env.protocol=eto plays with env.simplification=easy: set it so")
        if self.variations is not None and self.variations < 1:
            raise UserError(f"env.variations={self.variations} is too small: use 1 or more")
