"""ALFWorld as a `TextEnv`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tratree.envs.alfworld.actions import action_key
from tratree.envs.alfworld.expert import SearchExpert
from tratree.envs.base import Expert, StepResult
from tratree.errors import UserError
from tratree.trajectory.types import Task

if TYPE_CHECKING:
    from tratree.envs.alfworld.games import GameSource

_MOVE = re.compile(r"move (\w+ \d+) to (\w+ \d+)")
_MOVED = re.compile(r"You move the (\w+ \d+) to the (\w+ \d+)\.")


class AlfworldEnv:
    """Plays the games of a source, official or generated. One engine plays game after game.

    The score is 1.0 once the goal holds, else 0.0. Actions are read regardless of case and
    spacing, and ``put X in/on Y`` (``in``, ``on``) means ``move X to Y``.

    Args:
        source: Where the games come from.
        max_steps: Step limit of the evaluation protocol; ETO's is 40.
        cache_folder: Where translated games are kept between runs.
        wording: How observations and admissible actions name placing an object: ``move X to Y``
            is alfworld's since 0.4.0, ``put X in/on Y`` that of earlier data and models.
    """

    def __init__(
        self,
        source: GameSource,
        max_steps: int,
        cache_folder: Path,
        wording: str = "move",
    ) -> None:
        if wording not in ("move", "put"):
            raise UserError(f"wording must be 'move' or 'put', not {wording!r}")
        from tratree.envs.alfworld.engine import Engine

        self.max_steps = max_steps
        self._source = source
        self._wording = wording
        self._engine = Engine(cache_folder)
        self._latest: StepResult | None = None

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order."""
        return self._source.tasks(split)

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`.

        Raises:
            UserError: If the game is missing, cut or malformed.
        """
        self._latest = None
        game = self._source.load(task.task_id)
        try:
            text = self._engine.start(game)
        except UserError as error:
            raise UserError(f"game {task.task_id}: {error}") from error
        return self._show(text.partition("\n\n")[2])

    def step(self, action: str) -> StepResult:
        """Send one action; once the episode is over, repeat its last result.

        Raises:
            UserError: If no episode was started.
        """
        latest = self._started()
        if latest.finished:
            return latest
        observation = self._engine.step(action_key(action))
        if observation is None:
            return replace(latest, observation="Nothing happens.", valid=False)
        if self._wording == "put":
            observation = _MOVED.sub(r"You put the \1 in/on the \2.", observation)
        return self._show(observation)

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted; none after the end.

        Raises:
            UserError: If no episode was started.
        """
        if self._started().finished:
            return []
        commands = self._engine.admissible()
        if self._wording == "put":
            return sorted(_MOVE.sub(r"put \1 in/on \2", command) for command in commands)
        return commands

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`: it sees what an agent sees."""
        return SearchExpert(task.instruction, self.admissible)

    def close(self) -> None:
        """Hand back the engine; may be called twice."""
        self._latest = None
        self._engine.close()

    def _started(self) -> StepResult:
        if self._latest is None:
            raise UserError("reset the ALFWorld environment with a task first")
        return self._latest

    def _show(self, observation: str) -> StepResult:
        won = self._engine.won
        self._latest = StepResult(observation, score=float(won), success=won, finished=won)
        return self._latest
