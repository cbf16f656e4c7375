"""Settings of ``env=alfworld``; ``conf/env/alfworld.yaml`` says what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from tratree.envs.settings import EnvSettings


@dataclass
class AlfworldSettings(EnvSettings):
    """``env=alfworld``."""

    games: str = MISSING
    difficulty: str = MISSING
    train_games: int = MISSING
    held_out_games: int = MISSING
    games_seed: int = MISSING
    data: str | None = MISSING
    wording: str = MISSING

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: If one is not known.
        """
        self.check_choice("games", "generated", "official")
