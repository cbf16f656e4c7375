"""The settings that every environment has."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from tratree.errors import UserError


@dataclass
class EnvSettings:
    """The settings that every environment has; a plug-in's own class adds its keys and checks.

    A subclass checks its values in ``__post_init__`` and raises a `UserError`, so that bad ones are
    refused before anything is computed.

    Attributes:
        name: The plug-in's.
        target: ``package.module:NAME`` of an `EnvironmentPlugin` that is not installed as one.
        max_steps: Step limit of an episode, in steps of the agent; at least 1.
        splits: The environment's own name of each split. ``train`` is among them.
    """

    name: str = MISSING
    target: str | None = None
    max_steps: int = MISSING
    splits: dict[str, str] = MISSING

    def check_choice(self, key: str, *allowed: str) -> None:
        """Check that a setting has one of the values `allowed`.

        Raises:
            UserError: If it has another one.
        """
        value = getattr(self, key)
        if value not in allowed:
            raise UserError(f"env.{key}={value} is not known: use {' or '.join(allowed)}")
