"""The figures of a sweep: one row for each system and setting, with intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from tratree.report.sweep import Point

CONFIDENCE = 0.95
BASELINE = "sft_strong"


@dataclass(frozen=True)
class Measurement:
    """What one system did on one split with one seed: one evaluation of the store.

    Attributes:
        env: Name of the environment.
        system: Name of the system.
        split: Name of the split.
        seed: Of the run.
        values: Value of every axis of the sweep; None where points that differ in it have this
            same evaluation, or such with another seed, so that it does not matter.
        figures: Mean of every figure.
        difference: Reward less the baseline's in the same run; None of the baseline itself.
        points: The points that have this evaluation.
    """

    env: str
    system: str
    split: str
    seed: int
    values: tuple[Any, ...]
    figures: Mapping[str, float]
    difference: float | None
    points: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One system with one setting on one split, over its seeds.

    Attributes:
        env: Name of the environment.
        system: Name of the system.
        split: Name of the split.
        values: As of `Measurement`.
        seeds: How many seeds.
        reward: Mean reward over seeds, in [0, 1].
        low: Lower end of the 95 % interval over seeds (Student's t); None for one seed.
        high: Its upper end.
        deviation: Standard deviation of the reward over seeds; None for one seed.
        success: Mean share of solved tasks.
        finished: Mean share of episodes that the environment ended.
        steps: Mean number of steps.
        difference: Mean reward less the baseline's of the same seed; None of the baseline.
        difference_half: Half the width of its 95 % interval; None for one seed.
        p: Of the paired t-test against the baseline; None for one seed, or where all seeds differ
            by the same.
        pgr: Mean performance gap recovered; None where a seed has none.
    """

    env: str
    system: str
    split: str
    values: tuple[Any, ...]
    seeds: int
    reward: float
    low: float | None
    high: float | None
    deviation: float | None
    success: float
    finished: float
    steps: float
    difference: float | None
    difference_half: float | None
    p: float | None
    pgr: float | None


def measurements(points: Sequence[Point], axes: Sequence[str]) -> list[Measurement]:
    """Return every evaluation of the finished points once, in the order of the points."""
    found: dict[tuple[str, str], list[tuple[Point, str, Mapping[str, Any]]]] = {}
    for point in points:
        if point.status != "done":
            continue
        assert point.results is not None
        for system, splits in point.results["systems"].items():
            for split, figures in splits.items():
                # A run from before there was stages.json has evaluations of its own.
                stage = point.stages.get(f"evaluate {system}", f"{point.name}/{system}")
                key = stage, split
                found.setdefault(key, []).append((point, system, figures))
    measured = [_measurement(split, same, axes) for (_, split), same in found.items()]
    for axis in range(len(axes)):
        measured = _without_idle(measured, axis)
    return measured


def _without_idle(measured: Sequence[Measurement], axis: int) -> list[Measurement]:
    """Let an axis matter to no seed of a system if it is seen not to matter to one.

    A seed that has a single value of the axis cannot show it. Where some values coincide and
    others do not, the axis matters.
    """
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    for m in measured:
        groups.setdefault((m.env, m.system, m.split), []).append(m)
    idle = set()
    for key, group in groups.items():
        if any(m.values[axis] is None and len(m.points) > 1 for m in group):
            others = {(m.seed, _unset(m.values, axis)) for m in group}
            if len(others) == len(group):
                idle.add(key)
    return [
        replace(m, values=_unset(m.values, axis)) if (m.env, m.system, m.split) in idle else m
        for m in measured
    ]


def _unset(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return (*values[:axis], None, *values[axis + 1 :])


def _measurement(
    split: str, same: Sequence[tuple[Point, str, Mapping[str, Any]]], axes: Sequence[str]
) -> Measurement:
    point, system, figures = same[0]
    assert point.results is not None
    values = []
    for axis in axes:
        different = {repr(p.value(axis)): p.value(axis) for p, _, _ in same}
        values.append(next(iter(different.values())) if len(different) == 1 else None)
    means = {name: value["mean"] for name, value in figures.items() if _is_estimate(value)}
    if figures.get("pgr") is not None:
        means["pgr"] = figures["pgr"]
    baseline = point.results["systems"].get(BASELINE, {}).get(split)
    difference = None
    if system != BASELINE and baseline is not None:
        difference = means["reward"] - baseline["reward"]["mean"]
    return Measurement(
        point.results["env"],
        system,
        split,
        point.results["seed"],
        tuple(values),
        means,
        difference,
        tuple(p.name for p, _, _ in same),
    )


def _is_estimate(value: Any) -> bool:
    return isinstance(value, Mapping) and "mean" in value


def rows(measured: Sequence[Measurement]) -> list[Row]:
    """Put the seeds of each system and setting together, one split after the other."""
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for m in measured:
        groups.setdefault((m.env, m.system, m.split, m.values), []).append(m)
    table = []
    for (env, system, split, values), group in groups.items():
        rewards = [m.figures["reward"] for m in group]
        reward, low, high = over_seeds(rewards)
        differences = [m.difference for m in group if m.difference is not None]
        difference, half, p = paired(differences) if differences else (None, None, None)
        gaps = [m.figures["pgr"] for m in group if "pgr" in m.figures]
        table.append(
            Row(
                env=env,
                system=system,
                split=split,
                values=values,
                seeds=len(group),
                reward=reward,
                low=low,
                high=high,
                deviation=float(np.std(rewards, ddof=1)) if len(rewards) > 1 else None,
                success=_mean(group, "success"),
                finished=_mean(group, "finished"),
                steps=_mean(group, "steps"),
                difference=difference,
                difference_half=half,
                p=p,
                pgr=float(np.mean(gaps)) if len(gaps) == len(group) else None,
            )
        )
    order = list(dict.fromkeys((m.env, m.split) for m in measured))
    return sorted(table, key=lambda row: order.index((row.env, row.split)))


def _mean(measured: Sequence[Measurement], figure: str) -> float:
    return float(np.mean([m.figures[figure] for m in measured]))


def over_seeds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return mean, and the ends of the 95 % interval by Student's t; None for a single value."""
    mean = float(np.mean(values))
    count = len(values)
    if count == 1:
        return mean, None, None
    half = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * float(np.std(values, ddof=1))
    half /= math.sqrt(count)
    return mean, mean - half, mean + half


def paired(differences: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return mean, half of the 95 % interval and p of the t-test of paired differences.

    The last two are None for a single value, p where all are equal.
    """
    mean, low, _ = over_seeds(differences)
    if low is None:
        return mean, None, None
    p = None if np.ptp(differences) < 1e-12 else float(ttest_1samp(differences, 0).pvalue)
    return mean, mean - low, p


def coinciding(measured: Sequence[Measurement], points: Sequence[Point]) -> list[tuple[str, ...]]:
    """Return the groups of points whose method was evaluated once for all of them."""
    methods = {p.name: p.results["method"] for p in points if p.results is not None}
    groups = (m.points for m in measured if len(m.points) > 1 and methods[m.points[0]] == m.system)
    return list(dict.fromkeys(groups))
