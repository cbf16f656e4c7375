"""Data of the page of a run, finished or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tratree.trajectory.types import Trajectory
from tratree.tree.types import TrajectoryTree


@dataclass(frozen=True)
class StageRecord:
    """One stage of a run.

    Attributes:
        title: Its name and label.
        place: Its folder in the store.
        status: ``finished``, ``begun`` (under way or interrupted), or ``missing``.
        seconds: Time that it took, by the run that computed it; None unless finished.
    """

    title: str
    place: str
    status: str
    seconds: float | None


@dataclass(frozen=True)
class RunRecord:
    """A run as it is stored on the disk.

    Attributes:
        name: Of its folder.
        status: In words.
        command: Command that started it; empty if that is not known.
        settings: Its whole configuration; empty if that is not known.
        starts: With which code, libraries and machine it was started, first start first.
        stages: All that it needs, in their order.
        systems: Figures of every evaluated system by split, as in ``results.json``.
        gap: The systems that PGR is measured between; None as long as there is no PGR.
        comparisons: With the baseline, as in ``results.json``; None as long as there are none.
        curves: Figures of every step, for each fine-tuning with any.
        episodes: Evaluation episodes of each system, those of a begun evaluation included.
        trees: Trajectory trees; none if they are missing.
        no_trees: Reason why they are missing.
        search: Settings of the run's search, see `find_paths`; empty where it has none.
    """

    name: str
    status: str
    command: str
    settings: Mapping[str, Any]
    starts: Sequence[Mapping[str, Any]]
    stages: Sequence[StageRecord]
    systems: Mapping[str, Mapping[str, Mapping[str, Any]]]
    gap: Mapping[str, str] | None
    comparisons: Mapping[str, Any] | None
    curves: Mapping[str, Sequence[Mapping[str, float]]]
    episodes: Mapping[str, Sequence[Trajectory]]
    trees: Sequence[TrajectoryTree]
    no_trees: str
    search: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Name of the experiment; the folder's name if that is not known."""
        if not self.settings.keys() >= {"env", "method", "seed"}:
            return self.name
        env, method = (self.settings[group]["name"] for group in ("env", "method"))
        return f"{env}, {method}, seed {self.settings['seed']}"
