"""ALFWorld games in one compressed file a split."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tratree.envs.alfworld.games import (
    UNSOLVABLE,
    UNSUPPORTED,
    Game,
    empty_split,
    goal_sentence,
    is_supported,
    missing_split,
    packaged_rules,
    parse_record,
    text_field,
    walkthrough_of,
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
        self._records: dict[str, dict[str, bytes]] = {}
        self._left_out: dict[str, Counter[str]] = {}

    def tasks(self, split: str) -> list[Task]:
        """See `GameSource.tasks`."""
        path = self._path(split)
        tasks = []
        for task_id, packed in self._split(split).items():
            record = parse_record(zlib.decompress(packed), path)
            instruction = goal_sentence(text_field(record, "goal", path), path)
            tasks.append(Task(task_id, split, text_field(record, "task_type", path), instruction))
        if not tasks:
            raise empty_split(path, self._left_out[split])
        return tasks

    def left_out(self, split: str) -> Mapping[str, int]:
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
        record = parse_record(zlib.decompress(records[task_id]), path)
        instruction = goal_sentence(text_field(record, "goal", path), path)
        domain, grammar = packaged_rules(instruction)
        return Game(
            problem=text_field(record, "pddl_problem", path),
            domain=domain,
            grammar=grammar,
            walkthrough=walkthrough_of(record, path),
        )

    def _path(self, split: str) -> Path:
        return self._folder / f"{split}.jsonl.gz"

    def _split(self, split: str) -> dict[str, bytes]:
        """Return the records by id, sorted; each one compressed, or they would fill the memory."""
        if split not in self._records:
            path = self._path(split)
            if not path.is_file():
                present = sorted(p.name for p in self._folder.glob("*.jsonl.gz"))
                raise missing_split(path, present)
            records = {}
            left_out: Counter[str] = Counter()
            try:
                with gzip.open(path) as lines:
                    for line in lines:
                        record = parse_record(line, path)
                        task_id = text_field(record, "id", path)
                        if not task_id.isprintable():
                            raise UserError(f"{path} has the id {task_id!r}: download it again")
                        if not is_supported(task_id):
                            left_out[UNSUPPORTED] += 1
                        elif not record.get("solvable", True):
                            left_out[UNSOLVABLE] += 1
                        else:
                            records[task_id] = zlib.compress(line, level=1)
            except (OSError, EOFError, zlib.error) as error:
                raise UserError(
                    f"{path} is cut or not a gzip file ({error}): download it again"
                ) from error
            self._records[split] = dict(sorted(records.items()))
            self._left_out[split] = left_out
        return self._records[split]
