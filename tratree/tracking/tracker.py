"""The facts that a tracker is told, and the tracker that keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tratree.trajectory.types import Trajectory

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


@dataclass(frozen=True)
class RunFacts:
    """A run, as a tracker is told of it.

    Attributes:
        env: Name of its environment.
        method: Name of its method.
        model: Name of its model family.
        seed: Its seed.
        configuration: All of it, as JSON data.
        search: Settings of its search in trees, see `tratree.tree.path_search.find_paths`.
        identity: A digest of all that determines its result, and its seed.
        result_of: A digest of what determines the result of its method, except for the seed.
    """

    env: str
    method: str
    model: str
    seed: int
    configuration: Mapping[str, Any]
    search: Mapping[str, Any]
    identity: str
    result_of: str


@dataclass(frozen=True)
class StageFacts:
    """A stage, as a tracker is told of it.

    Attributes:
        name: Word for its work.
        title: Name and label.
        key: Tells it from others of its name.
        description: All that its key is made of, as JSON data.
        inputs: The stages before it.
    """

    name: str
    title: str
    key: str
    description: Mapping[str, Any]
    inputs: tuple[StageFacts, ...]


class Tracker:
    """Follows one run; this one keeps nothing.

    A run's figures are in its folder and in the store whatever the tracker, and no tracker is
    part of what a stage's result depends on.
    """

    def training_logger(self, title: str) -> Logger | None:
        """Return where the figures of every step of the fine-tuning of stage `title` go."""
        return None

    def stage_done(self, stage: StageFacts, folder: Path, *, computed: bool) -> None:
        """Take note of a finished stage, computed by this run or found in the store."""

    def results_done(
        self,
        results: Mapping[str, Any],
        played: Mapping[str, Sequence[Trajectory]],
        report: Callable[[], str],
    ) -> None:
        """Take note of the end of the run.

        Args:
            results: ``results.json``.
            played: The evaluated trajectories of every system.
            report: Makes the HTML page of the run.
        """

    def close(self, error: BaseException | None) -> None:
        """End with the run.

        Args:
            error: Error that ended the run, if it did not come to its end.
        """
