"""Results on the panel in one file: written here, or by others in the same format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.files import write_atomically
from tratree.trajectory.types import Trajectory

FORMAT = "tratree panel results 1"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one episode.

    Attributes:
        split: The split's name in the panel.
        task_id: Of the task.
        reward: In [0, 1].
        success: Whether the task was solved.
        steps: The agent's turns; None if not known.
        sample: Which of several attempts at this task it is.
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
        environment: Where it played.
        hashes: Of the panel's splits; equal hashes are equal tasks.
        protocol: How it played: limits, sampling, prompt; any JSON data.
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
    data = {
        "format": FORMAT,
        "name": results.name,
        "environment": results.environment,
        "hashes": dict(results.hashes),
        "protocol": dict(results.protocol),
        "episodes": [asdict(outcome) for outcome in results.outcomes],
    }
    write_atomically(path, [json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n"])


def read_results(path: Path) -> Results:
    """Read results and check every field.

    Raises:
        UserError: If the file is missing, or something in it is wrong; the message says what.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): correct the path") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error})") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f'{path} holds no results: it needs "format": "{FORMAT}"')
    for key, kind in (
        ("name", str),
        ("environment", str),
        ("hashes", dict),
        ("episodes", list),
    ):
        if not isinstance(data.get(key), kind):
            raise UserError(f"{path} needs {key!r} as a JSON {kind.__name__}")
    if not isinstance(data.get("protocol", {}), dict):
        raise UserError(f"{path} needs 'protocol' as a JSON dict")
    outcomes = [_outcome(path, n, record) for n, record in enumerate(data["episodes"])]
    for (split, task, sample), count in Counter(
        (o.split, o.task_id, o.sample) for o in outcomes
    ).items():
        if count > 1:
            raise UserError(f"{path} has {count} episodes of {split}, {task}, sample {sample}")
        if split not in data["hashes"]:
            raise UserError(f"{path} has episodes of split {split!r} but no hash of it")
    return Results(
        data["name"],
        data["environment"],
        data["hashes"],
        data.get("protocol", {}),
        tuple(outcomes),
    )


def _outcome(path: Path, number: int, record: Any) -> Outcome:
    where = f"{path}, episode {number}"
    if not isinstance(record, dict):
        raise UserError(f"{where} is no JSON object")
    reward, success = record.get("reward"), record.get("success")
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not 0 <= reward <= 1:
        raise UserError(f"{where}: 'reward' must be a number from 0 to 1, not {reward!r}")
    if not isinstance(success, bool):
        raise UserError(f"{where}: 'success' must be true or false, not {success!r}")
    steps, sample = record.get("steps"), record.get("sample", 0)
    texts = (record.get("split"), record.get("task_id"))
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{where}: 'split' and 'task_id' must be texts")
    for name, value in (("steps", steps), ("sample", sample)):
        if not (value is None and name == "steps") and (
            not isinstance(value, int) or isinstance(value, bool) or value < 0
        ):
            raise UserError(f"{where}: {name!r} must be a whole number, not {value!r}")
    return Outcome(record["split"], record["task_id"], float(reward), success, steps, sample)
