"""Progress of a sweep: its points, the stages they need, and the time that is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tratree.runs.run_folder import STAGES, read_stages
from tratree.store.finished import read_seconds
from tratree.store.store import is_being_computed
from tratree.sweeps.points import Point, newest_last

STATES = ("waiting", "running", "interrupted", "done", "failed")

Places = Mapping[Path, str]
"""Titles of stages by their folder in the store."""


@dataclass(frozen=True)
class StageProgress:
    """The stages of one title.

    Attributes:
        title: Name and label.
        finished: Number of those that are finished.
        running: Number of those that are being computed.
        missing: Number of those still to be begun or resumed.
        seconds: Mean time of a finished one; None as long as none has finished.
    """

    title: str
    finished: int
    running: int
    missing: int
    seconds: float | None

    @property
    def left(self) -> int:
        """Number of those not finished."""
        return self.running + self.missing


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep.

    Attributes:
        points: Number of points by state, one of `STATES`. A point is interrupted if it has begun
            and none of its stages is being computed: it was killed, or is queued again.
        stages: Of all points, each stage that several need once. What only failed points lack
            is not counted: it is not on its way.
    """

    points: Mapping[str, int]
    stages: Sequence[StageProgress]

    @property
    def seconds_left(self) -> float:
        """The work left, of stages that there is something to go by for; whole for those running.

        Each takes as long as the finished ones of its title did in the mean.
        """
        return sum(s.left * s.seconds for s in self.stages if s.seconds is not None)

    @property
    def unknown(self) -> list[StageProgress]:
        """Those left whose time is unknown, because none of their title has finished."""
        return [stage for stage in self.stages if stage.left and stage.seconds is None]


def sweep_progress(begun: Sequence[Point], waiting: Sequence[Places]) -> SweepProgress:
    """Look at the run folders and the store.

    Args:
        begun: The points that have a folder; the same settings and seed in two folders count once.
        waiting: The stages of every point that has none yet.

    Raises:
        UserError: If a file of a point is damaged.
    """
    titles: dict[Path, str] = {}
    expected: set[Path] = set()
    states = Counter(dict.fromkeys(STATES, 0))
    states["waiting"] = len(waiting)
    for places in waiting:
        titles |= places
        expected |= set(places)
    for point in _once(begun):
        places = _places(point)
        titles |= places
        if point.status != "unfinished":
            states[point.status] += 1
            continue
        expected |= set(places)
        running = any(_is_running(folder) for folder in places)
        states["running" if running else "interrupted" if places else "waiting"] += 1
    of_title: dict[str, list[Path]] = {}
    for folder, title in titles.items():
        of_title.setdefault(title, []).append(folder)
    stages = [_stage(title, folders, expected) for title, folders in of_title.items()]
    return SweepProgress(states, stages)


def _once(points: Sequence[Point]) -> list[Point]:
    """Return each point once: as done if one of its folders is, else as the newest of them."""
    ordered = sorted(newest_last(points), key=lambda point: point.status == "done")
    return list({point.identity: point for point in ordered}.values())


def _is_running(folder: Path) -> bool:
    return not folder.is_dir() and is_being_computed(folder)


def _places(point: Point) -> Places:
    if not (point.folder / STAGES).is_file():
        return {}
    stages = read_stages(point.folder)
    root = stages.store.resolve()
    return {root / place: title for title, place in stages.folders.items()}


def _stage(title: str, folders: Sequence[Path], expected: set[Path]) -> StageProgress:
    finished = [folder for folder in folders if folder.is_dir()]
    left = [folder for folder in folders if folder in expected and folder not in finished]
    running = sum(map(_is_running, left))
    seconds = [s for s in map(read_seconds, finished) if s is not None]
    mean = sum(seconds) / len(seconds) if seconds else None
    return StageProgress(title, len(finished), running, len(left) - running, mean)
