"""The figures of a sweep: one row for each system and setting, with intervals over seeds.

A seed of a configuration counts once, however often and in whatever words it was measured: the
newest measurement is in the table, the others are its replications.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from tratree.evaluation.power import holm, over_seeds_and_tasks, smallest_difference
from tratree.report.sweep import Point, newest_last
from tratree.runs.identity import concerns, flat
from tratree.runs.task_scores import SCORES, read_task_scores

CONFIDENCE = 0.95
BASELINE = "sft_strong"


@dataclass(frozen=True)
class Replication:
    """The same configuration and seed, measured another time; in no table and in no n.

    Attributes:
        reward: Mean reward, in [0, 1].
        origin: With which commit, and on what machine.
    """

    reward: float
    origin: str


@dataclass(frozen=True)
class Measurement:
    """The latest measurement of one system on one split with one seed.

    Attributes:
        env: Name of the environment.
        system: Name of the system.
        split: Name of the split.
        seed: Of the run.
        configuration: A digest of all that determines the result, except for the seed.
        values: Value of every axis of the sweep; None where it does not matter to the system.
        figures: Mean of every figure, and the number of ``tasks`` where it is known.
        difference: Reward less the baseline's in the same run; None of the baseline itself, and
            where the same evaluation is compared with several baselines.
        points: The points that have this evaluation, each once.
        origin: With which commit, and on what machine.
        task_differences: `difference` of every task, shape [T]; None if the rewards of tasks were
            not kept, or of the baseline.
        of_tasks: A digest of the names of those tasks.
        replications: What else was measured of the same.
    """

    env: str
    system: str
    split: str
    seed: int
    configuration: str
    values: tuple[Any, ...]
    figures: Mapping[str, float]
    difference: float | None
    points: tuple[str, ...]
    origin: str = ""
    task_differences: tuple[float, ...] | None = None
    of_tasks: str | None = None
    replications: tuple[Replication, ...] = ()


@dataclass(frozen=True)
class Row:
    """One system with one setting on one split, over its seeds.

    Attributes:
        env: Name of the environment.
        system: Name of the system.
        split: Name of the split.
        values: As of `Measurement`.
        seeds: How many seeds, each of them once.
        tasks: How many tasks; None if that was not kept.
        reward: Mean reward over seeds, in [0, 1].
        low: Lower end of the 95 % interval over seeds (Student's t); None for one seed.
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
        pgr: Mean performance gap recovered; None where a seed has none.
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


_Found = tuple[Point, str, Mapping[str, Any]]
"""A point, a system of it, and the system's figures on one split."""


def measurements(points: Sequence[Point], axes: Sequence[str]) -> list[Measurement]:
    """Return every configuration, seed and split of the finished points once, in their order."""
    found: dict[tuple[str, int, str, str], list[_Found]] = {}
    for point in points:
        if point.status != "done":
            continue
        assert point.results is not None
        for system, splits in point.results["systems"].items():
            known_by = point.configurations[system], point.results["seed"], system
            for split, figures in splits.items():
                found.setdefault((*known_by, split), []).append((point, system, figures))
    seen = {
        axis: _values([p for some in found.values() for p, _, _ in some], axis) for axis in axes
    }
    # All seeds of a configuration together show which axes do not matter to it.
    everywhere: dict[tuple[str, str, str], list[Point]] = {}
    for (configuration, _, system, split), same in found.items():
        everywhere.setdefault((configuration, system, split), []).extend(p for p, _, _ in same)
    shown = {
        (configuration, system, split): tuple(
            _shown(some, system, axis, seen[axis]) for axis in axes
        )
        for (configuration, system, split), some in everywhere.items()
    }
    return [
        _measurement(configuration, seed, split, shown[configuration, system, split], same)
        for (configuration, seed, system, split), same in found.items()
    ]


def hidden_axes(measured: Sequence[Measurement], points: Sequence[Point]) -> list[str]:
    """Return the keys in which configurations differ that no axis tells apart."""
    done = (point for point in points if point.status == "done")
    settings = {c: point.settings for point in done for c in point.configurations.values()}
    groups: dict[tuple[Any, ...], set[str]] = {}
    for m in measured:
        groups.setdefault((m.env, m.system, m.split, m.values), set()).add(m.configuration)
    hidden: dict[str, None] = {}
    for (_, system, _, _), group in groups.items():
        first, *others = sorted(group)
        for other in others:
            one, two = flat(settings[first]), flat(settings[other])
            for key in {**one, **two}:
                if one.get(key) != two.get(key) and concerns(
                    settings[first], system, key, two.get(key)
                ):
                    hidden[key] = None
    return list(hidden)


def _values(points: Sequence[Point], axis: str) -> dict[str, Any]:
    return {json.dumps(point.value(axis)): point.value(axis) for point in points}


def _shown(points: Sequence[Point], system: str, axis: str, seen: Mapping[str, Any]) -> Any:
    """Return the value of an axis of points with one configuration; None if it does not matter."""
    own = _values(points, axis)
    if len(own) > 1:
        return None
    [value] = own.values()
    if axis in points[0].choices:
        return value
    others = (other for text, other in seen.items() if text not in own)
    matters = len(seen) == 1 or any(
        concerns(points[0].settings, system, axis, other) for other in others
    )
    return value if matters else None


def _measurement(
    configuration: str, seed: int, split: str, values: tuple[Any, ...], same: Sequence[_Found]
) -> Measurement:
    ordered = [one for p in newest_last(p for p, _, _ in same) for one in same if one[0] is p]
    point, system, figures = ordered[-1]
    assert point.results is not None
    means = {name: value["mean"] for name, value in figures.items() if _is_estimate(value)}
    means |= {name: figures[name] for name in ("pgr", "tasks") if figures.get(name) is not None}
    baseline = point.results["systems"].get(BASELINE, {}).get(split)
    difference, by_task, of_tasks = None, None, None
    one_baseline = len({p.configurations.get(BASELINE) for p, _, _ in same}) == 1
    if system != BASELINE and baseline is not None and one_baseline:
        difference = means["reward"] - baseline["reward"]["mean"]
        by_task, of_tasks = _by_task(point, system, split)
    again = {
        _evaluation(*one): Replication(one[2]["reward"]["mean"], one[0].origin) for one in ordered
    }
    del again[_evaluation(*ordered[-1])]
    return Measurement(
        point.results["env"],
        system,
        split,
        seed,
        configuration,
        values,
        means,
        difference,
        tuple({p.identity: p.name for p, _, _ in same}.values()),
        point.origin,
        by_task,
        of_tasks,
        tuple(again.values()),
    )


def _evaluation(point: Point, system: str, figures: Mapping[str, Any]) -> tuple[str, str]:
    """Return what tells an evaluation from one that was really done again."""
    place = point.stages.get(f"evaluate {system}", point.name)
    return place, json.dumps({k: v for k, v in figures.items() if _is_estimate(v)}, sort_keys=True)


def _by_task(point: Point, system: str, split: str) -> tuple[tuple[float, ...] | None, str | None]:
    scores = read_task_scores(point)
    ours, theirs = (scores[name].get(split, {}).get(SCORES) for name in (system, BASELINE))
    if ours is None or theirs is None or ours["of_tasks"] != theirs["of_tasks"]:
        return None, None
    pairs = zip(ours["rewards"], theirs["rewards"], strict=True)
    return tuple(a - b for a, b in pairs), ours["of_tasks"]


def _is_estimate(value: Any) -> bool:
    return isinstance(value, Mapping) and "mean" in value


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
    both_seeds, both = _over_both(group)
    return Row(
        env=first.env,
        system=first.system,
        split=first.split,
        values=first.values,
        seeds=len({m.seed for m in group}),
        tasks=int(first.figures["tasks"]) if "tasks" in first.figures else None,
        reward=reward,
        low=low,
        high=high,
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
