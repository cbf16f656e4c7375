"""``evaluation=…``: the protocol, the same for every system."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tratree.policy.rollout_settings import SamplingSettings
from tratree.settings import Count, settings


@settings
class EvaluationSettings:
    """The same episodes of each split for every system (tratree/evaluation/README.md)."""

    splits: Annotated[tuple[str, ...], Field(min_length=1)] = ("unseen", "seen")
    """Names of splits, as in env.splits."""

    episodes: Count | None = 200
    """Tasks of each split; null takes all."""

    samples: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Trajectories of each task, K. More than one needs a temperature above 0."""

    sampling: SamplingSettings = SamplingSettings(temperature=0.0)
    """Sampling of the agent's tokens. Temperature 0 is greedy."""
