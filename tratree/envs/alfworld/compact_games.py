"""ALFWorld games in one compressed file a split."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tratree.envs.alfworld.games import (
    DAMAGED,
    UNSOLVABLE,
    UNSUPPORTED,
    DamagedGameError,
    Game,
    empty_split,
    goal_sentence,
    is_supported,
    missing_split,
    packaged_rules,
    parse_record,
    text_field,
    walkthrough_of,
    whole_problem,
)
from tratree.errors import UserError
from tratree.trajectory.types import Task


class CompactGames:
    """Games in files ``<split>.jsonl.gz``: one JSON object a line with what differs between games.

    The fields are ``id`` (the path that `GameFolder` uses as task id), ``task_type``, ``goal``,
    ``pddl_problem`` and ``walkthrough``, and ``solvable`` if it is false; others are ignored.
    Domain and grammar come from the installed alfworld package.
    """

    def __init__(self, folder: Path) -> None:
        """Use the files in `folder`."""
        self._folder = folder
        self._records: dict[str, dict[str, tuple[Task, bytes]]] = {}
        self._left_out: dict[str, dict[str, list[str]]] = {}

    def tasks(self, split: str) -> list[Task]:
        """See `GameSource.tasks`."""
        tasks = [task for task, _ in self._split(split).values()]
        if not tasks:
            raise empty_split(self._path(split), self._left_out[split])
        return tasks

    def left_out(self, split: str) -> Mapping[str, Sequence[str]]:
        """See `GameSource.left_out`."""
        self._split(split)
        return self._left_out[split]

    def load(self, task_id: str) -> Game:
        """See `GameSource.load`."""
        split = task_id.split("/", 1)[0]
        path = self._path(split)
        records = self._split(split)
        if task_id not in records:
            raise UserError(f"no game {task_id!r} in {path}: correct the task id")
        task, packed = records[task_id]
        record = parse_record(zlib.decompress(packed), path)
        domain, grammar = packaged_rules(task.instruction)
        return Game(
            problem=whole_problem(record, path),
            domain=domain,
            grammar=grammar,
            walkthrough=walkthrough_of(record, path),
        )

    def _path(self, split: str) -> Path:
        return self._folder / f"{split}.jsonl.gz"

    def _split(self, split: str) -> dict[str, tuple[Task, bytes]]:
        """Return task and record by id, sorted; records compressed, or they would fill the memory.

        A damaged line is left out; of a file that is cut, nobody knows how many games are lost.
        """
        if split not in self._records:
            path = self._path(split)
            if not path.is_file():
                present = sorted(p.name for p in self._folder.glob("*.jsonl.gz"))
                raise missing_split(path, present)
            games: dict[str, tuple[Task, bytes]] = {}
            left_out: dict[str, list[str]] = {}
            try:
                with gzip.open(path) as lines:
                    for number, line in enumerate(lines, start=1):
                        try:
                            task, why = _read_task(line, split, path)
                        except DamagedGameError:
                            left_out.setdefault(DAMAGED, []).append(f"line {number} of {path}")
                            continue
                        if why:
                            left_out.setdefault(why, []).append(task.task_id)
                        else:
                            games[task.task_id] = task, zlib.compress(line, level=1)
            except (OSError, EOFError, zlib.error) as error:
                raise UserError(
                    f"{path} is cut or not a gzip file ({error}): download it again"
                ) from error
            self._records[split] = dict(sorted(games.items()))
            self._left_out[split] = left_out
        return self._records[split]


def _read_task(line: bytes, split: str, path: Path) -> tuple[Task, str]:
    """Return the task of a line, and why it is left out; empty if it is not.

    Raises:
        DamagedGameError: If a field is missing or wrong.
    """
    record = parse_record(line, path)
    task_id = text_field(record, "id", path)
    if not task_id.isprintable():
        raise DamagedGameError(path, f"it has the id {task_id!r}")
    if not is_supported(task_id) or not record.get("solvable", True):
        why = UNSOLVABLE if is_supported(task_id) else UNSUPPORTED
        return Task(task_id, split, "", ""), why
    whole_problem(record, path)
    walkthrough_of(record, path)
    instruction = goal_sentence(text_field(record, "goal", path), path)
    return Task(task_id, split, text_field(record, "task_type", path), instruction), ""
