"""The values that a search may choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from tratree.errors import UserError


@dataclass(frozen=True)
class Limit:
    """The highest value that another key allows.

    Attributes:
        key: The other key.
        value: Its value if it is not searched itself.
    """

    key: str
    value: int


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        values: Possible values of each key.
        at_most: Keys that must not exceed another, such as ``tree.width``, for which the
            trajectories of a task must suffice.

    Raises:
        UserError: If nothing is searched, or a limit leaves nothing to choose.
    """

    values: Mapping[str, BaseDistribution]
    at_most: Mapping[str, Limit]

    def __post_init__(self) -> None:
        """Check the limits."""
        if not self.values:
            raise UserError("nothing to search: give values in hydra.sweeper.params")
        for key, limit in self.at_most.items():
            values = self.values[key]
            bound = self.values.get(limit.key)
            if not isinstance(values, IntDistribution):
                raise UserError(f"{key} has a limit: give its values as a range of whole numbers")
            if bound is not None and not isinstance(bound, IntDistribution):
                raise UserError(f"{limit.key} is a limit: give a range of whole numbers")
            lowest = limit.value if bound is None else bound.low
            if values.low > lowest:
                raise UserError(
                    f"{key} starts at {values.low}, but {limit.key} may be {lowest}: "
                    "change one of the ranges"
                )

    def choose(self, trial: Trial) -> dict[str, Any]:
        """Let Optuna propose a value of every key; limits come before what they limit."""
        chosen: dict[str, Any] = {}
        for key in sorted(self.values, key=lambda key: key in self.at_most):
            values = self.values[key]
            if key in self.at_most:
                limit = self.at_most[key]
                assert isinstance(values, IntDistribution)
                highest = min(values.high, chosen.get(limit.key, limit.value))
                values = IntDistribution(values.low, highest, step=values.step)
            chosen[key] = _suggest(trial, key, values)
        return {key: chosen[key] for key in self.values}


def _suggest(trial: Trial, key: str, values: BaseDistribution) -> Any:
    if isinstance(values, IntDistribution):
        return trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log)
    if isinstance(values, FloatDistribution):
        return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)
    assert isinstance(values, CategoricalDistribution)
    return trial.suggest_categorical(key, values.choices)
