"""The table of a sweep: one row for each system and setting, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tratree.evaluation.power import holm, over_seeds_and_tasks, smallest_difference
from tratree.evaluation.seeds import over_seeds, paired
from tratree.sweeps.measurements import Measurement


@dataclass(frozen=True)
class Row:
    """One system with one setting on one split, over its seeds.

    Attributes:
        env: Name of the environment.
        system: Name of the system.
        split: Name of the split.
        values: As of `Measurement`.
        seeds: Number of seeds, each counted once.
        tasks: Number of tasks; None if that was not kept.
        reward: Mean reward over seeds, in [0, 1].
        low: Lower end of the 95 % interval over seeds (Student's t), as far as it is in [0, 1];
            None for one seed.
        high: Its upper end.
        deviation: Standard deviation of the reward over seeds; None for one seed.
        success: Mean share of solved tasks.
        finished: Mean share of episodes that the environment ended.
        steps: Mean number of steps.
        difference: Mean reward less the baseline's of the same seed; None of the baseline.
        difference_half: Half the width of its 95 % interval; None for one seed.
        both_seeds: With how many seeds the next two were computed: those whose rewards were kept
            task by task.
        both_low: Lower end of the 95 % interval of the difference over seeds and tasks (bootstrap
            of both); None where `both_seeds` is less than two.
        both_high: Its upper end.
        p: Of the paired t-test against the baseline; None for one seed, or where all seeds differ
            by the same.
        p_holm: `p` after Holm's correction for all comparisons of the table.
        detectable: The smallest mean difference that this many seeds show with a power of 80 %.
        pgr: Mean performance gap recovered, to strong SFT; None where a seed has none.
        ceiling_seeds: Number of seeds for which the sweep has the ceiling.
        pgr_ceiling: Mean gap recovered to the ceiling over those; None where there are none.
    """

    env: str
    system: str
    split: str
    values: tuple[Any, ...]
    seeds: int
    tasks: int | None
    reward: float
    low: float | None
    high: float | None
    deviation: float | None
    success: float
    finished: float
    steps: float
    difference: float | None
    difference_half: float | None
    both_seeds: int
    both_low: float | None
    both_high: float | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    pgr: float | None
    ceiling_seeds: int = 0
    pgr_ceiling: float | None = None


def value_text(value: Any) -> str:
    """Return a setting for people: four digits of a number that a search has drawn."""
    text = str(value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > 8 else text


def rows(measured: Sequence[Measurement]) -> list[Row]:
    """Put the seeds of each system and setting together, one split after the other."""
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for m in measured:
        groups.setdefault((m.env, m.system, m.split, m.values, m.configuration), []).append(m)
    table = [_row(group) for group in groups.values()]
    corrected = holm([row.p for row in table])
    table = [replace(row, p_holm=p) for row, p in zip(table, corrected, strict=True)]
    order = list(dict.fromkeys((m.env, m.split) for m in measured))
    return sorted(table, key=lambda row: order.index((row.env, row.split)))


def _row(group: Sequence[Measurement]) -> Row:
    """Return the row of one configuration; `rows` adds the correction."""
    first = group[0]
    rewards = [m.figures["reward"] for m in group]
    reward, low, high = over_seeds(rewards)
    differences = [m.difference for m in group if m.difference is not None]
    difference, half, p = paired(differences) if differences else (None, None, None)
    gaps = [m.figures["pgr"] for m in group if "pgr" in m.figures]
    to_ceiling = [m.figures["pgr_ceiling"] for m in group if "pgr_ceiling" in m.figures]
    both_seeds, both = _over_both(group)
    return Row(
        env=first.env,
        system=first.system,
        split=first.split,
        values=first.values,
        seeds=len({m.seed for m in group}),
        tasks=int(first.figures["tasks"]) if "tasks" in first.figures else None,
        reward=reward,
        low=None if low is None else max(0.0, low),
        high=None if high is None else min(1.0, high),
        deviation=float(np.std(rewards, ddof=1)) if len(rewards) > 1 else None,
        success=_mean(group, "success"),
        finished=_mean(group, "finished"),
        steps=_mean(group, "steps"),
        difference=difference,
        difference_half=half,
        both_seeds=both_seeds,
        both_low=both[0],
        both_high=both[1],
        p=p,
        p_holm=None,
        detectable=_detectable(differences),
        pgr=float(np.mean(gaps)) if len(gaps) == len(group) else None,
        ceiling_seeds=len(to_ceiling),
        pgr_ceiling=float(np.mean(to_ceiling)) if to_ceiling else None,
    )


def _over_both(group: Sequence[Measurement]) -> tuple[int, tuple[float | None, float | None]]:
    """Return with how many seeds, and the ends of the interval over seeds and tasks."""
    kept = [m for m in group if m.task_differences is not None]
    if len(kept) < 2 or len({m.of_tasks for m in kept}) > 1:
        return 0, (None, None)
    found = over_seeds_and_tasks(np.array([m.task_differences for m in kept], np.float64))
    return len(kept), (found.low, found.high)


def _detectable(differences: Sequence[float]) -> float | None:
    if len(differences) < 2 or np.ptp(differences) < 1e-12:
        return None
    return smallest_difference(float(np.std(differences, ddof=1)), len(differences))


def _mean(measured: Sequence[Measurement], figure: str) -> float:
    return float(np.mean([m.figures[figure] for m in measured]))
