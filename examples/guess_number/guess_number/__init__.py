"""Guess a number: an environment for tratree in a package of its own."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field

from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.settings import EnvSettings
from tratree.plugins import imported_when_called
from tratree.settings import Count, settings


@settings
class GuessNumberSettings(EnvSettings):
    """``env=guess_number``."""

    max_steps: Count = 3
    """Step limit of an episode: the most guesses that the expert ever needs."""

    splits: dict[str, str] = field(
        default_factory=lambda: {"train": "train", "test": "test", "development": "development"}
    )
    """The environment's name of each split."""

    largest: Annotated[int, Field(strict=True, ge=20, le=60)] = 30
    """The largest number there is."""


GUESS_NUMBER = EnvironmentPlugin(
    name="guess_number",
    settings=GuessNumberSettings,
    prepare=imported_when_called("guess_number.environment:prepare"),
    make=imported_when_called("guess_number.environment:make"),
)
