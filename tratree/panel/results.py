"""Results on the panel in one file: written here, or by others in the same format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Interval
from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.files import write_json
from tratree.trajectory.types import Trajectory

FORMAT = "tratree panel results 1"
ADVICE = "correct it; tratree/panel/README.md describes the format"

Whole = Annotated[int, Ge(0)]


class _Episode(TypedDict):
    split: str
    task_id: str
    reward: Annotated[float, Interval(ge=0, le=1)]
    success: bool
    steps: NotRequired[Whole | None]
    sample: NotRequired[Whole]


class _File(TypedDict):
    format: Literal["tratree panel results 1"]
    name: str
    environment: str
    hashes: dict[str, str]
    protocol: NotRequired[dict[str, Any]]
    episodes: list[_Episode]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one episode.

    Attributes:
        split: The split's name in the panel.
        task_id: Of the task.
        reward: In [0, 1].
        success: Whether the task was solved.
        steps: The agent's turns; None if not known.
        sample: Number of this attempt at the task.
    """

    split: str
    task_id: str
    reward: float
    success: bool
    steps: int | None = None
    sample: int = 0


@dataclass(frozen=True)
class Results:
    """The results of one system in one environment.

    Attributes:
        name: Of the system.
        environment: Environment that it played in.
        hashes: Of the panel's splits; equal hashes are equal tasks.
        protocol: Protocol of its play: limits, sampling, prompt; any JSON data.
        outcomes: Of every episode.
    """

    name: str
    environment: str
    hashes: Mapping[str, str]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()

    def of_split(self, split: str) -> dict[str, list[Outcome]]:
        """Return the episodes of a split by task, in the order of the ids."""
        found: dict[str, list[Outcome]] = {}
        for outcome in sorted(self.outcomes, key=lambda o: (o.task_id, o.sample)):
            if outcome.split == split:
                found.setdefault(outcome.task_id, []).append(outcome)
        return found


def outcome_of(split: str, trajectory: Trajectory) -> Outcome:
    """Return the outcome of a trajectory."""
    return Outcome(
        split,
        trajectory.task.task_id,
        trajectory.score,
        trajectory.success,
        len(trajectory.steps),
        trajectory.sample,
    )


def write_results(path: Path, results: Results) -> None:
    """Write a file that `read_results` reads, and others can write."""
    data = asdict(results)
    write_json(path, {"format": FORMAT, **data, "episodes": data.pop("outcomes")})


def read_results(path: Path) -> Results:
    """Read results and check every field.

    Raises:
        UserError: If the file is missing, or something in it is wrong; the message says what.
    """
    try:
        data: _File = read_json(path, _File, ADVICE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"cannot read {path} ({error.strerror}): correct the path") from error
    episodes: list[Any] = data["episodes"]
    names = [declared.name for declared in fields(Outcome)]
    outcomes = tuple(Outcome(**{n: e[n] for n in names if n in e}) for e in episodes)
    for (split, task, sample), count in Counter(
        (o.split, o.task_id, o.sample) for o in outcomes
    ).items():
        if count > 1:
            raise UserError(f"{path} has {count} episodes of {split}, {task}, sample {sample}")
        if split not in data["hashes"]:
            raise UserError(f"{path} has episodes of split {split!r} but no hash of it")
    protocol = data.get("protocol", {})
    name = " ".join(data["name"].split())
    return Results(name, data["environment"], data["hashes"], protocol, outcomes)
