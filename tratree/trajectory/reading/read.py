"""Files of trajectories, read whole: what was taken, what was skipped, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.trajectory.reading.files import Found, read_records
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record
from tratree.trajectory.reading.score import stated_score, stated_success
from tratree.trajectory.types import Trajectory
from tratree.words import counted


@dataclass
class Reading:
    """The trajectories of a file or folder, and a report.

    Attributes:
        path: File or folder that was read.
        trajectories: Those that were taken, in their order.
        places: The place of each of them.
        skipped: (place, reason) of each record that was not taken.
        notes: Number of times that something happened which a reader should know.
        replayed: (place, what differs) of each one that was played again and differs.
        contradicting: (place, names) of each one whose names do not mean the same task.
    """

    path: Path
    trajectories: list[Trajectory] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    replayed: list[tuple[str, str]] = field(default_factory=list)
    contradicting: list[tuple[str, Sequence[str]]] = field(default_factory=list)

    def contradict(self, number: int, names: Sequence[str]) -> None:
        """Note that the names of a trajectory contradict each other; nothing if there are none."""
        if names:
            self.notes["trajectories whose names contradict each other"] += 1
            self.contradicting.append((self.places[number], names))

    def leave_out(self, reasons: Mapping[int, str]) -> None:
        """Skip taken trajectories after all: by their number, with the reason."""
        self.skipped += [(self.places[n], reason) for n, reason in sorted(reasons.items())]
        kept = [n for n in range(len(self.trajectories)) if n not in reasons]
        self.trajectories = [self.trajectories[n] for n in kept]
        self.places = [self.places[n] for n in kept]

    def reasons(self) -> list[tuple[int, str]]:
        """Return (number of records, reason and first one) of what was skipped, most first."""
        counts = Counter(reason for _, reason in self.skipped)
        firsts = {reason: place for place, reason in reversed(self.skipped)}
        said = []
        for reason, count in counts.most_common():
            record, _, path = firsts[reason].partition(" of ")
            place = f"{record} of {Path(path).name}" if path else Path(record).name
            said.append((count, f"{reason} (first: {place})"))
        return said

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {
            "source": str(self.path),
            "taken": len(self.trajectories),
            "skipped": [{"record": place, "reason": reason} for place, reason in self.skipped],
            "notes": dict(sorted(self.notes.items())),
            "replayed": [{"record": place, "differs": what} for place, what in self.replayed],
            "contradicting": [
                {"record": place, "names": list(names)} for place, names in self.contradicting
            ],
        }


def read_any(path: Path | str) -> list[Trajectory]:
    """Return the trajectories of a file or folder of any form; bad records are passed over.

    Raises:
        UserError: See `read_trajectory_files`, which also reports what was skipped.
    """
    return read_trajectory_files(Path(path)).trajectories


def read_trajectory_files(path: Path, environment: str | None = None) -> Reading:
    """Read a file or a folder in any form that tratree/trajectory/README.md lists.

    The id of a trajectory is that of the file, and its instruction the whole first observation:
    only an environment knows more. `environment` is that of records that do not tell theirs.

    Raises:
        UserError: If there is nothing to read, or nothing of it is a trajectory.
    """
    reading = Reading(path)
    samples: Counter[str] = Counter()
    for found, trajectory in _trajectories(reading, environment):
        if trajectory.record and trajectory.source == "import":
            task_id = trajectory.task.task_id or found.where.partition(" of ")[0]
            trajectory = replace(
                trajectory,
                task=replace(trajectory.task, task_id=task_id, split=found.split),
                sample=samples[task_id],
            )
            samples[task_id] += 1
        reading.trajectories.append(trajectory)
        reading.places.append(found.where)
        _note(trajectory, reading.notes)
    _leave_out_beginnings(reading)
    _scale_together(reading)
    return reading


def check_trajectory_files(path: Path, environment: str | None = None) -> None:
    """Read a file or a folder up to its first trajectory.

    Raises:
        UserError: If there is none; see `read_trajectory_files`.
    """
    next(_trajectories(Reading(path), environment))


def _trajectories(reading: Reading, environment: str | None) -> Iterator[tuple[Found, Trajectory]]:
    """Yield each trajectory with its place, and note in `reading` what is skipped."""
    none = True
    for found in read_records(reading.path):
        try:
            if found.problem:
                raise RecordError(found.problem)
            trajectories = read_record(found.value, environment, found.alone)
        except RecordError as error:
            reading.skipped.append((found.where, " ".join(str(error).split())))
            continue
        for trajectory in trajectories:
            none = False
            yield found, trajectory
    if none:
        place, reason = reading.skipped[0]
        others = len(reading.skipped) - 1
        more = f", nor {counted(others, 'other')}" if others else ""
        raise UserError(f"{place} is not a conversation of an agent ({reason}){more}: correct it")


def _leave_out_beginnings(reading: Reading) -> None:
    """Leave out trajectories that the next one goes on with: programs log each request so."""
    told = reading.trajectories
    begun = [n for n, pair in enumerate(pairwise(told)) if _begins(*pair)]
    reading.leave_out(dict.fromkeys(begun, "it is only the beginning of the next record"))


def _begins(one: Trajectory, other: Trajectory) -> bool:
    """Return whether an imported trajectory without a score is the beginning of another one."""
    if one.scored or one.source != "import" or "part" in one.record:
        return False
    turns, more = ([(s.thought, s.action, s.observation) for s in t.steps] for t in (one, other))
    last = turns[-1]
    begun = [*turns[:-1], (*last[:2], more[len(turns) - 1][2])] if len(turns) < len(more) else []
    return (
        bool(begun)
        and one.first_observation == other.first_observation
        and begun == more[: len(begun)]
        and last[2] in ("", begun[-1][2])
    )


def _scale_together(reading: Reading) -> None:
    """Read a score of 1 as 1 of ScienceWorld's 100 points where others of the file are above 1."""
    stated = {
        number: stated_score(trajectory.record["record"])
        for number, trajectory in enumerate(reading.trajectories)
        if trajectory.record.get("environment") == "scienceworld" and trajectory.source == "import"
    }
    if not any(score is not None and score > 1 for score in stated.values()):
        return
    for number, score in stated.items():
        trajectory = reading.trajectories[number]
        if score == 1 and not stated_success(trajectory.record["record"]):
            reading.trajectories[number] = replace(trajectory, score=0.01, success=False)
            reading.notes["scores of 1 that are 1 of 100, as others are above 1"] += 1


def _note(trajectory: Trajectory, notes: Counter[str]) -> None:
    turns = trajectory.steps
    for what, count in (
        ("trajectories without a score", not trajectory.scored),
        ("turns without a readable action", sum(not step.action for step in turns)),
        ("turns that are no target of a training", sum(not step.trained for step in turns)),
        ("rejected ones of pairs", trajectory.record.get("part") == "rejected"),
        (
            "trajectories with a task in front of the real one",
            trajectory.record.get("front", 0) > 3,
        ),
        *((doubt, 1) for doubt in trajectory.record.get("doubt", "").split("; ") if doubt),
    ):
        if count:
            notes[what] += int(count)
