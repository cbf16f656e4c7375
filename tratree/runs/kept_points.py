"""Finished points of sweeps in a file: what is left when runs and store are gone.

What is kept of a point is enough to write the tables anew, and to add points that were measured at
another time or on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from tratree.documents import read_json_lines
from tratree.report.run_files import PointResults
from tratree.report.sweep import Point
from tratree.runs.run_folder import stage_seconds
from tratree.runs.starts import read_starts

FIELDS = ("name", "settings", "choices", "overrides", "stages")


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
        point: The point; of its results only what every split has in figures.
        starts: ``commit`` and ``machine`` of each start of its run.
        seconds: How long each of its stages took, by the stage's folder in the store.
    """

    point: Point
    starts: Sequence[Mapping[str, str]]
    seconds: Mapping[str, float]


def keep_points(points: Iterable[Point]) -> list[KeptPoint]:
    """Return what is kept of finished points whose runs lie on the disk."""
    return [
        KeptPoint(_brief(point), _starts(point.folder), stage_seconds(point.folder))
        for point in points
    ]


def join_points(kept: Iterable[KeptPoint], new: Iterable[KeptPoint]) -> list[KeptPoint]:
    """Return all points once; a new one takes the place of a kept one with other results."""
    joined = {one.point.description: one for one in kept}
    for one in new:
        known = joined.get(one.point.description)
        if known is None or known.point.results != one.point.results:
            joined[one.point.description] = one
    return list(joined.values())


def read_points(path: Path) -> list[KeptPoint]:
    """Return the points of a file; none if there is no file.

    Raises:
        UserError: If a line is damaged.
    """
    try:
        lines = read_json_lines(path, _Line, "take its last good version")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [_from_line(line, path) for line in lines]


def write_points(path: Path, points: Sequence[KeptPoint]) -> None:
    """Write points to a file, one a line."""
    lines = (json.dumps(_to_line(one), ensure_ascii=False) + "\n" for one in points)
    path.write_text("".join(lines), encoding="utf-8")


def _brief(point: Point) -> Point:
    assert point.results is not None
    systems = {
        system: {split: _estimates(figures) for split, figures in splits.items()}
        for system, splits in point.results["systems"].items()
    }
    results = {key: point.results[key] for key in ("env", "method", "seed")} | {"systems": systems}
    fields = {name: getattr(point, name) for name in FIELDS}
    return Point(**fields, folder=point.folder, results=results, failure=None)


def _estimates(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in figures.items()
        if not isinstance(value, Mapping) or "mean" in value
    }


def _starts(run: Path) -> list[dict[str, str]]:
    return [{key: start[key] for key in ("commit", "machine")} for start in read_starts(run)]


def _to_line(one: KeptPoint) -> dict[str, Any]:
    fields = {name: getattr(one.point, name) for name in (*FIELDS, "results")}
    return {**fields, "starts": list(one.starts), "seconds": dict(one.seconds)}


def _from_line(line: Mapping[str, Any], path: Path) -> KeptPoint:
    fields = {name: line[name] for name in (*FIELDS, "results")}
    point = Point(**fields, folder=path, failure=None)
    return KeptPoint(point, line["starts"], line["seconds"])
