"""The points of a sweep as they are on the disk, finished or not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.report.run_files import (
    CONFIGURATION,
    PointResults,
    read_configuration,
    read_failure,
    read_hydra,
    read_results,
)
from tratree.runs.identity import configurations, flat, point_identity
from tratree.runs.run_folder import STAGES, read_stages
from tratree.runs.starts import origin, read_starts

STARTED = ("time", "commit", "machine")

NO_AXES = ("env", "method", "seed", "store", "logger", "rollout", "trainer", "experiment")
"""Keys with a column of their own, that only name others, or that change no result."""

AXES_NEVERTHELESS = ("method.", "rollout.constraint", "rollout.engine")
"""Keys of those groups that do change it."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: Its folder, relative to what was asked for.
        folder: Its folder.
        settings: Its whole configuration, as Hydra wrote it.
        choices: The chosen option of every group.
        overrides: Values of its command line, by key.
        stages: The folder in the store of each of its stages, by title.
        results: Its ``results.json``; None as long as there is none.
        failure: Reason why it failed, if it did.
        starts: ``time`` (where it is known), ``commit`` and ``machine`` of each start of its run.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    choices: Mapping[str, str]
    overrides: Mapping[str, str]
    stages: Mapping[str, str]
    results: Mapping[str, Any] | None
    failure: str | None
    starts: Sequence[Mapping[str, str]] = field(default=())

    @property
    def status(self) -> str:
        """``done``, ``failed``, or ``unfinished``: waiting, running, or killed."""
        if self.failure is not None:
            return "failed"
        return "unfinished" if self.results is None else "done"

    @cached_property
    def description(self) -> str:
        """Its command line, without the store."""
        shown = (f"{key}={value}" for key, value in self.overrides.items() if key != "store")
        return " ".join(shown)

    @cached_property
    def identity(self) -> str:
        """All settings that may determine its results, and its seed, as a digest."""
        return point_identity(self.settings)

    @property
    def configurations(self) -> Mapping[str, str]:
        """Digests of what determines the evaluation of each system, except for the seed."""
        return configurations(self.settings)

    @property
    def time(self) -> str:
        """Time when its run was last started; empty, and taken as long ago, if not known."""
        return max((start.get("time", "") for start in self.starts), default="")

    @property
    def origin(self) -> str:
        """The commits and machines that its run was started with."""
        return origin(self.starts) if self.starts else "commit and machine not kept"

    def value(self, key: str) -> Any:
        """Return the value of a configuration key, or the choice of a group; None if neither."""
        if key in self.choices:
            return self.choices[key]
        found: Any = self.settings
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return None
            found = found[part]
        if isinstance(found, str) and "${" in found:  # of other keys
            return flat(self.settings).get(key, found)
        return found


def find_points(folders: Sequence[Path]) -> list[Point]:
    """Find all runs in `folders` and below, in the order of their names.

    Raises:
        UserError: If there are none, or a file of one is damaged.
    """
    points = find_begun_points(folders)
    for point in points:
        read_results(point.folder, PointResults)  # which the tables rely on
    if not points:
        names = ", ".join(map(str, folders))
        raise UserError(
            f"there is no run in {names}: give the folder that the sweep named at its end"
        )
    return points


def find_begun_points(folders: Sequence[Path]) -> list[Point]:
    """Find all runs as `find_points` does; it is not an error if there are none.

    Raises:
        UserError: If a folder does not exist, or a file of a run is damaged.
    """
    found: dict[Path, str] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}: give the folder of a sweep")
        for path in folder.rglob(f"{CONFIGURATION}/config.yaml"):
            run = path.parent.parent
            name = str(run.relative_to(folder))
            found[run.resolve()] = str(run) if name == "." or len(folders) > 1 else name
    ordered = sorted(found.items(), key=lambda item: _natural(item[1]))
    return [_read(run, name) for run, name in ordered]


def axes(points: Sequence[Point]) -> list[str]:
    """Return the keys that the sweep varies, other than environment, method and seed."""
    keys = dict.fromkeys(key for point in points for key in point.overrides)
    return [
        key
        for key in keys
        if key.split(".")[0] not in NO_AXES or key.startswith(AXES_NEVERTHELESS)
        if len({json.dumps(point.value(key)) for point in points}) > 1
    ]


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in Path(name).parts]


def _read(run: Path, name: str) -> Point:
    hydra = read_hydra(run)
    failure = read_failure(run)
    found = hydra.get("runtime", {}).get("choices", {})
    choices = {group: choice for group, choice in found.items() if choice is not None}
    return Point(
        name=name,
        folder=run,
        settings=read_configuration(run),
        choices=choices,
        overrides=by_key(hydra.get("overrides", {}).get("task", [])),
        stages=read_stages(run).folders if (run / STAGES).is_file() else {},
        results=read_results(run, dict[str, Any]),
        failure=None if failure is None else failure["reason"],
        starts=[
            {key: str(start[key]) for key in STARTED if key in start} for start in read_starts(run)
        ],
    )


def newest_last(points: Iterable[Point]) -> list[Point]:
    """Return points in the order of their starts; those without a time come first, as they are."""
    return sorted(points, key=lambda point: point.time)


def by_key(overrides: Iterable[str]) -> dict[str, str]:
    """Return the text after ``=`` in each override, by the text before it."""
    pairs = (override.lstrip("+~").partition("=") for override in overrides)
    return {key: value for key, _, value in pairs}
