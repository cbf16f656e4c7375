"""Finished points of sweeps in a file: what is left when runs and store are gone.

What is kept of a point is enough to write the tables again, and to add points that were measured at
another time or on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from tratree.documents import read_json_lines
from tratree.report.run_files import PointResults
from tratree.runs.run_folder import stage_seconds
from tratree.sweeps.points import Point, newest_last
from tratree.sweeps.task_scores import SCORES, read_task_scores

FIELDS = ("name", "settings", "choices", "overrides", "stages", "results", "starts")


class _Origin(TypedDict):
    commit: str | None
    machine: str


class _Line(TypedDict):
    name: str
    settings: dict[str, Any]
    choices: dict[str, str | None]
    overrides: dict[str, str]
    stages: dict[str, str]
    results: PointResults
    starts: list[_Origin]
    seconds: dict[str, float]


@dataclass(frozen=True)
class KeptPoint:
    """A finished point and where it comes from.

    Attributes:
        point: The point; of its results only what every split has in figures, and the reward of
            each task.
        seconds: Time that each of its stages took, by the stage's folder in the store.
    """

    point: Point
    seconds: Mapping[str, float]


def keep_points(points: Iterable[Point]) -> list[KeptPoint]:
    """Return what is kept of finished points whose runs are on the disk."""
    return [KeptPoint(_brief(point), stage_seconds(point.folder)) for point in points]


def join_points(kept: Iterable[KeptPoint], new: Iterable[KeptPoint]) -> list[KeptPoint]:
    """Return every measurement once, those of one point in the order of their starts.

    A point that was really measured again, so that another evaluation or other figures came of
    it, is a replication of the first one, and both are kept.
    """
    joined: dict[tuple[str, ...], KeptPoint] = {}
    for one in (*kept, *new):
        known = joined.get(_measurement(one.point))
        if known is None or len(_scored(one.point)) > len(_scored(known.point)):
            joined[_measurement(one.point)] = one
    order = newest_last(one.point for one in joined.values())
    return sorted(joined.values(), key=lambda one: order.index(one.point))


def _measurement(point: Point) -> tuple[str, ...]:
    """Return what tells a measurement of a point from another one."""
    assert point.results is not None
    figures = {
        system: {split: {**found, SCORES: None} for split, found in splits.items()}
        for system, splits in point.results["systems"].items()
    }
    place = point.stages.get(f"evaluate {point.results['method']}", "")
    return point.identity, place, json.dumps(figures, sort_keys=True)


def _scored(point: Point) -> list[str]:
    """Return the systems whose rewards are kept task by task."""
    assert point.results is not None
    systems = point.results["systems"].items()
    return [name for name, splits in systems if all(SCORES in found for found in splits.values())]


def read_points(path: Path) -> list[KeptPoint]:
    """Return the points of a file; none if there is no file.

    Raises:
        UserError: If a line is damaged.
    """
    lines = read_json_lines(path, _Line, "take its last good version")
    return [_from_line(line, path) for line in lines]


def write_points(path: Path, points: Sequence[KeptPoint]) -> None:
    """Write points to a file, one a line."""
    lines = (json.dumps(_to_line(one), ensure_ascii=False) + "\n" for one in points)
    path.write_text("".join(lines), encoding="utf-8")


def _brief(point: Point) -> Point:
    assert point.results is not None
    scores = read_task_scores(point)
    systems = {
        system: {
            split: _estimates(figures) | scores.get(system, {}).get(split, {})
            for split, figures in splits.items()
        }
        for system, splits in point.results["systems"].items()
    }
    results = {key: point.results[key] for key in ("env", "method", "seed")} | {"systems": systems}
    settings, overrides = (
        {key: value for key, value in named.items() if key != "store"}  # a folder of one machine
        for named in (point.settings, point.overrides)
    )
    return replace(point, settings=settings, overrides=overrides, results=results)


def _estimates(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in figures.items()
        if not isinstance(value, Mapping) or "mean" in value
    }


def _to_line(one: KeptPoint) -> dict[str, Any]:
    return {name: getattr(one.point, name) for name in FIELDS} | {"seconds": dict(one.seconds)}


def _from_line(line: Mapping[str, Any], path: Path) -> KeptPoint:
    fields = {name: line[name] for name in FIELDS}
    point = Point(**fields, folder=path, failure=None)
    return KeptPoint(point, line["seconds"])
