"""The measurements of a sweep: each configuration, seed and split once.

A seed of a configuration counts once, however often and in whatever words it was measured: the
newest measurement is in the table, the others are its replications.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tratree.evaluation.metrics import CEILING, STRONG, WEAK, performance_gap_recovered
from tratree.runs.identity import concerns, flat
from tratree.sweeps.points import Point, newest_last
from tratree.sweeps.task_scores import SCORES, read_task_scores


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
        figures: Mean of every figure, the number of ``tasks`` where it is known, and the gaps
            recovered: ``pgr``, and ``pgr_ceiling`` where a point of the sweep has the ceiling.
        difference: Reward less the baseline's in the same run; None of the baseline itself, and
            where the same evaluation is compared with several baselines.
        points: The points that have this evaluation, each once.
        origin: With which commit, and on what machine.
        task_differences: `difference` of every task, shape [T]; None if the rewards of tasks were
            not kept, or of the baseline.
        of_tasks: A digest of the names of those tasks.
        replications: Other measurements of the same.
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


_Found = tuple[Point, str, Mapping[str, Any]]
"""A point, a system of it, and the system's figures on one split."""

_Ceilings = Mapping[tuple[Any, ...], set[float]]
"""Rewards of the ceiling, by `_start`; several where it was measured with several settings."""


def measurements(points: Sequence[Point], axes: Sequence[str]) -> list[Measurement]:
    """Return every configuration, seed and split of the finished points once, in their order."""
    found: dict[tuple[str, int, str, str], list[_Found]] = {}
    for point in points:
        if point.status != "done":
            continue
        assert point.results is not None
        for system, splits in point.results["systems"].items():
            known_by = (
                point.configurations.get(system, point.identity),
                point.results["seed"],
                system,
            )
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
    ceilings = _ceilings(found)
    return [
        _measurement(
            configuration, seed, split, shown[configuration, system, split], same, ceilings
        )
        for (configuration, seed, system, split), same in found.items()
    ]


def _ceilings(found: Mapping[tuple[str, int, str, str], Sequence[_Found]]) -> _Ceilings:
    """Return the rewards of the ceiling above every pair of SFT systems, seed and split."""
    rewards: dict[tuple[Any, ...], set[float]] = {}
    for (_, seed, system, split), same in found.items():
        if system == CEILING:
            newest = newest_last(point for point, _, _ in same)[-1]
            [figures] = [f for point, _, f in same if point is newest]
            rewards.setdefault(_start(newest, seed, split), set()).add(figures["reward"]["mean"])
    return rewards


def _start(point: Point, seed: int, split: str) -> tuple[Any, ...]:
    """Return what systems share that are measured between the same weak model and ceiling."""
    assert point.results is not None
    of = point.configurations.get
    return point.results["env"], of(WEAK), of(STRONG), seed, split


def hidden_axes(measured: Sequence[Measurement], points: Sequence[Point]) -> list[str]:
    """Return the keys in which configurations differ that no axis tells apart.

    An axis without a value, which may be that of a setting that there was not yet, tells nothing.
    """
    done = (point for point in points if point.status == "done")
    settings = {c: point.settings for point in done for c in point.configurations.values()}
    alike: dict[tuple[str, str, str], dict[str, tuple[Any, ...]]] = {}
    for m in measured:
        alike.setdefault((m.env, m.system, m.split), {})[m.configuration] = m.values
    hidden: dict[str, None] = {}
    for (_, system, _), values in alike.items():
        for first, other in combinations(sorted(values), 2):
            if any(
                one != two and None not in (one, two)
                for one, two in zip(values[first], values[other], strict=True)
            ):
                continue
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
    """Return the value of an axis of points with one configuration; None if it does not matter.

    A list or a group of keys is the text of it.
    """
    own = _values(points, axis)
    if len(own) > 1:
        return None
    [(text, value)] = own.items()
    if isinstance(value, list | dict):
        value = text
    if axis in points[0].choices:
        return value
    others = (other for key, other in seen.items() if key not in own)
    matters = len(seen) == 1 or any(
        concerns(points[0].settings, system, axis, other) for other in others
    )
    return value if matters else None


def _measurement(
    configuration: str,
    seed: int,
    split: str,
    values: tuple[Any, ...],
    same: Sequence[_Found],
    ceilings: _Ceilings,
) -> Measurement:
    ordered = [one for p in newest_last(p for p, _, _ in same) for one in same if one[0] is p]
    point, system, figures = ordered[-1]
    assert point.results is not None
    means = {name: value["mean"] for name, value in figures.items() if _is_estimate(value)}
    means |= {name: figures[name] for name in ("pgr", "tasks") if figures.get(name) is not None}
    if (gap := _gap_to_ceiling(point, system, split, means["reward"], seed, ceilings)) is not None:
        means["pgr_ceiling"] = gap
    baseline = point.results["systems"].get(STRONG, {}).get(split)
    difference, by_task, of_tasks = None, None, None
    one_baseline = len({p.configurations.get(STRONG) for p, _, _ in same}) == 1
    if system != STRONG and baseline is not None and one_baseline:
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


def _gap_to_ceiling(
    point: Point, system: str, split: str, reward: float, seed: int, ceilings: _Ceilings
) -> float | None:
    assert point.results is not None
    weak = point.results["systems"].get(WEAK, {}).get(split)
    tops = ceilings.get(_start(point, seed, split), set())
    if system in (WEAK, CEILING) or weak is None or len(tops) != 1:
        return None
    return performance_gap_recovered(weak["reward"]["mean"], reward, *tops)


def _evaluation(point: Point, system: str, figures: Mapping[str, Any]) -> tuple[str, str]:
    """Return what tells an evaluation from one that was really done again."""
    place = point.stages.get(f"evaluate {system}", point.name)
    return place, json.dumps({k: v for k, v in figures.items() if _is_estimate(v)}, sort_keys=True)


def _by_task(point: Point, system: str, split: str) -> tuple[tuple[float, ...] | None, str | None]:
    scores = read_task_scores(point)
    ours, theirs = (scores[name].get(split, {}).get(SCORES) for name in (system, STRONG))
    if ours is None or theirs is None or ours["of_tasks"] != theirs["of_tasks"]:
        return None, None
    pairs = zip(ours["rewards"], theirs["rewards"], strict=True)
    return tuple(a - b for a, b in pairs), ours["of_tasks"]


def _is_estimate(value: Any) -> bool:
    return isinstance(value, Mapping) and "mean" in value


def coinciding(measured: Sequence[Measurement], points: Sequence[Point]) -> list[tuple[str, ...]]:
    """Return the groups of points whose method was evaluated once for all of them."""
    methods = {p.name: p.results["method"] for p in points if p.results is not None}
    groups = (m.points for m in measured if len(m.points) > 1 and methods[m.points[0]] == m.system)
    return list(dict.fromkeys(groups))
