"""Figures reported of a set of evaluation episodes, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tratree.evaluation.intervals import average, share
from tratree.trajectory.types import Trajectory

WEAK, STRONG, CEILING = "sft_weak", "sft_strong", "ceiling"
"""The systems that gaps recovered are measured between; the strong one is the baseline of tests."""

FIGURES: Mapping[str, Callable[[Trajectory], float]] = MappingProxyType(
    {
        "reward": lambda t: t.score,
        "success": lambda t: float(t.success),
        "finished": lambda t: float(t.finished),
        "steps": lambda t: float(len(t.steps)),
        "invalid_actions": lambda t: float(sum(not step.valid for step in t.steps)),
        "tokens": lambda t: float(sum(len(step.token_ids) for step in t.steps)),
    }
)
"""Measures of one trajectory, by name; the README beside this file explains each."""

SHARES = ("success", "finished")


def summarize(episodes: Sequence[Trajectory]) -> dict[str, Any]:
    """Return the figures of one system on one split, as JSON data.

    Every figure is a mean over tasks, of the mean over the trajectories of a task; intervals are
    over tasks. ``task_types`` holds reward and success of each kind of task.

    Raises:
        ValueError: If there are no episodes.
    """
    if not episodes:
        raise ValueError("no episodes to summarize")
    kinds = sorted({episode.task.task_type for episode in episodes})
    return {
        "episodes": len(episodes),
        **_estimates(episodes, FIGURES),
        "task_types": {
            kind: _estimates(
                [e for e in episodes if e.task.task_type == kind], ("reward", "success")
            )
            for kind in kinds
        },
    }


def by_task(episodes: Sequence[Trajectory], figure: str) -> dict[str, float]:
    """Return the mean of a figure over the trajectories of each task, in the order of tasks."""
    values: dict[str, list[float]] = {}
    for episode in episodes:
        values.setdefault(episode.task.task_id, []).append(FIGURES[figure](episode))
    return {task: sum(of_task) / len(of_task) for task, of_task in values.items()}


def performance_gap_recovered(weak: float, system: float, ceiling: float) -> float | None:
    """Return PGR = (system − weak) / (ceiling − weak), after Burns et al. (2023).

    None where the ceiling is not above the weak model: there is no gap to recover.
    """
    if ceiling <= weak:
        return None
    return (system - weak) / (ceiling - weak)


def _estimates(
    episodes: Sequence[Trajectory], figures: Sequence[str] | Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in figures:
        values: NDArray[np.float64] = np.fromiter(by_task(episodes, figure).values(), np.float64)
        found["tasks"] = len(values)
        found[figure] = (share if figure in SHARES else average)(values).rounded()
    return found
