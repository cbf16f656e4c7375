"""The exact tasks that systems are evaluated on, in their order, with hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tratree.config import Config
from tratree.stages.environment import env_settings, opened
from tratree.stages.tasks import evaluated_tasks
from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Task

FORMAT = "tratree panel 1"


@dataclass(frozen=True)
class Panel:
    """The tasks of one environment.

    Attributes:
        environment: Its name.
        settings: Settings that the tasks depend on: the configuration of the environment.
        splits: The tasks of each split, by the split's name in the configuration.
    """

    environment: str
    settings: dict[str, object]
    splits: dict[str, list[Task]]

    def hashes(self) -> dict[str, str]:
        """Return a hash for each split, of the ids and instructions of its tasks in order."""
        return {name: task_hash(tasks) for name, tasks in self.splits.items()}

    def to_json(self) -> dict[str, object]:
        """Return JSON data."""
        return {
            "settings": self.settings,
            "splits": {
                name: {
                    "sha256": task_hash(tasks),
                    "tasks": [
                        {"id": t.task_id, "type": t.task_type, "instruction": t.instruction}
                        for t in tasks
                    ],
                }
                for name, tasks in self.splits.items()
            },
        }


def read_panel(config: Config) -> Panel:
    """Return the tasks that ``evaluation.splits`` and ``evaluation.episodes`` choose.

    They are those that every run of this configuration is evaluated on.

    Raises:
        UserError: If a split has no or too few tasks.
    """
    evaluation = config.evaluation
    with opened(config) as env:
        splits = {
            name: evaluated_tasks(env.tasks(config.env.splits[name]), evaluation.episodes)
            for name in evaluation.splits
        }
    return Panel(config.env.name, env_settings(config), splits)


def task_hash(tasks: Sequence[Task]) -> str:
    """Return the SHA-256 of the canonical JSON list of [id, instruction] pairs."""
    pairs = [[task.task_id, task.instruction] for task in tasks]
    return hashlib.sha256(canonical_json(pairs).encode()).hexdigest()
