"""Trajectories on disk: one canonical JSON object a line, so equal data is equal bytes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tratree.errors import UserError
from tratree.files import write_atomically
from tratree.trajectory.types import Trajectory


def canonical_json(data: Any) -> str:
    """Return the one compact JSON text of `data`: sorted keys, no spaces, no escapes.

    Raises:
        ValueError: If a number is not finite.
    """
    return json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def write_trajectories(path: Path | str, trajectories: Iterable[Trajectory]) -> None:
    """Write `trajectories` in their order, atomically: `path` is never seen half written.

    Raises:
        UserError: If a trajectory holds what could not be read again, such as a score above 1.
    """
    write_atomically(Path(path), (_to_line(trajectory) for trajectory in trajectories))


def read_trajectories(path: Path | str) -> list[Trajectory]:
    """Read what `write_trajectories` wrote.

    Raises:
        UserError: If the file is missing or a line of it is damaged.
    """
    return list(iterate_trajectories(Path(path)))


def iterate_trajectories(path: Path) -> Iterator[Trajectory]:
    """Read what `write_trajectories` wrote, one trajectory at a time.

    Raises:
        UserError: As `read_trajectories`; of a damaged line when it is reached.
    """
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    raise UserError(
                        f"{path} is cut off in its last line: make or copy the file again"
                    )
            file.seek(0)
            yield from _from_lines(path, file)
    except OSError as error:
        raise UserError(f"cannot read trajectories from {path}: {error.strerror}") from error


def read_trajectory_log(path: Path) -> list[Trajectory]:
    """Return what a `TrajectoryLog` holds so far, another process's too; none without a file.

    Raises:
        UserError: If a finished line is damaged.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    finished = content[: content.rfind(b"\n") + 1]
    return list(_from_lines(path, io.BytesIO(finished)))


class TrajectoryLog:
    """A file that grows by one trajectory a line and survives a killed process.

    A line counts once its newline is written. What follows the last newline is the rest of an
    interrupted `append`, and is cut off when the log is read or opened. Only one process may
    use a log at a time.

    Args:
        path: The file; made by the first `append` if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def read(self) -> list[Trajectory]:
        """Return the finished lines in the order of their `append`; none without a file.

        Raises:
            UserError: If a finished line is damaged.
        """
        if self.path.exists():
            self._cut_unfinished_line()
        return read_trajectory_log(self.path)

    def append(self, trajectory: Trajectory) -> None:
        """Add one line; it stays if the process is killed right after.

        Raises:
            UserError: If the trajectory holds what could not be read again.
        """
        line = _to_line(trajectory)
        if self._file is None:
            if self.path.exists():
                self._cut_unfinished_line()
            self._file = self.path.open("ab")
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Close the file; may be called twice, and `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _cut_unfinished_line(self) -> None:
        content = self.path.read_bytes()
        finished = content.rfind(b"\n") + 1
        if finished < len(content):
            os.truncate(self.path, finished)


def _to_line(trajectory: Trajectory) -> bytes:
    try:
        data = trajectory.to_json()
        Trajectory.from_json(data)  # what made it is named now, not the file when it is read
        return canonical_json(data).encode() + b"\n"
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(
            f"sample {trajectory.sample} of task {trajectory.task.task_id} cannot be stored "
            f"({error}): correct what made it, such as an environment of yours"
        ) from error


def _from_lines(path: Path, lines: Iterable[bytes]) -> Iterator[Trajectory]:
    for number, line in enumerate(lines, start=1):
        try:
            trajectory = Trajectory.from_json(json.loads(line))
        except (RecursionError, ValueError) as error:
            raise UserError(
                f"line {number} of {path} is not a trajectory ({error}): make or copy the file "
                "again"
            ) from error
        yield trajectory
