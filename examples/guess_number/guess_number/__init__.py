"""Guess a number: an environment for tratree in a package of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.settings import EnvSettings
from tratree.errors import UserError
from tratree.plugins import imported_when_called


@dataclass
class GuessNumberSettings(EnvSettings):
    """``env=guess_number``."""

    max_steps: int = 3
    splits: dict[str, str] = field(
        default_factory=lambda: {"train": "train", "test": "test", "development": "development"}
    )
    largest: int = 30
    """The largest number there is, at least 10."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: If one is out of its range.
        """
        if self.largest < 10:
            raise UserError(f"env.largest={self.largest} is too small: use 10 or more")


GUESS_NUMBER = EnvironmentPlugin(
    name="guess_number",
    settings=GuessNumberSettings,
    prepare=imported_when_called("guess_number.environment:prepare"),
    make=imported_when_called("guess_number.environment:make"),
)
