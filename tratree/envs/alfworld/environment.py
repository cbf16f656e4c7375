"""ALFWorld as a `TextEnv`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tratree.envs.alfworld.actions import action_key, folded, forgiving_key
from tratree.envs.alfworld.expert import SearchExpert, can_read
from tratree.envs.alfworld.games import DAMAGED, GameSource, first_of
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import Expert, NoExpertError, Replay, StepResult
from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.words import counted

_MOVE = re.compile(r"move (\w+ \d+) to (\w+ \d+)")
_MOVED = re.compile(r"You move the (\w+ \d+) to the (\w+ \d+)\.")


class AlfworldEnv:
    """Plays the games of a source, official or generated. One engine plays game after game.

    The score is 1.0 once the goal holds, else 0.0. Actions are read regardless of case and
    spacing, and ``put X in/on Y`` (``in``, ``on``) means ``move X to Y``: games offer the one or
    the other, by the release that they are from, and both are taken in each.

    Args:
        source: Source of the games.
        settings: The wording, how actions are read, the expert, and the step limit.
        cache_folder: Folder that keeps translated games between runs.
    """

    def __init__(self, source: GameSource, settings: AlfworldSettings, cache_folder: Path) -> None:
        from tratree.envs.alfworld.engine import Engine

        self.max_steps = settings.max_steps
        self._source = source
        self._says_put = settings.wording == "put"
        self._settings = settings
        self._key = forgiving_key if settings.forgiving else action_key
        self._engine = Engine(cache_folder)
        self._latest: StepResult | None = None

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order."""
        return self._source.tasks(split)

    def notes(self, split: str) -> list[str]:
        """Return which games of a split are left out, and which need a word."""
        left_out = self._source.left_out(split)
        found = [
            f"{counted(len(of), 'game')} {why}" for why, of in left_out.items() if why != DAMAGED
        ]
        notes = [f"left out: {', '.join(found)}"] if found else []
        if DAMAGED in left_out:
            files = left_out[DAMAGED]
            notes.append(
                f"left out: {counted(len(files), 'game')} {DAMAGED} ({first_of(files)}): delete it "
                "and download it again (alfworld-download) to play them all"
            )
        unread = [t.task_id for t in self.tasks(split) if not can_read(t.instruction)]
        if unread:
            notes.append(
                f"{counted(len(unread), 'game')} with goals that are not alfworld's own sentences, "
                f"such as {unread[0]}: only env.expert=walkthrough can demonstrate them"
            )
        return notes

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
        observation = self._engine.step(self._command(action))
        if observation is None:
            return replace(latest, observation="Nothing happens.", valid=False)
        if self._says_put:
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
        return sorted(self._worded(command) for command in commands)

    def state_key(self) -> str:
        """Return the facts that differ from those at the start.

        Raises:
            UserError: If no episode was started.
        """
        self._started()
        return self._engine.changed_facts()

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`.

        Raises:
            NoExpertError: If the goal is not in alfworld's own words, or there is no walkthrough.
        """
        if self._settings.expert == "walkthrough":
            walkthrough = self._source.load(task.task_id).walkthrough
            if not walkthrough:
                raise NoExpertError(
                    f"game {task.task_id} has no walkthrough: use env.expert=search"
                )
            return Replay([self._worded(command) for command in walkthrough], "look")
        if not can_read(task.instruction):
            raise NoExpertError(
                f"game {task.task_id}: the expert reads only alfworld's own goal sentences, not "
                f"{task.instruction!r}: use env.expert=walkthrough"
            )
        return SearchExpert(task.instruction, self.admissible)

    def close(self) -> None:
        """Hand back the engine; may be called twice."""
        self._latest = None
        self._engine.close()

    def _started(self) -> StepResult:
        if self._latest is None:
            raise UserError("reset the ALFWorld environment with a task first")
        return self._latest

    def _command(self, action: str) -> str:
        """Return the game's command for an action: of the same text, else of the same meaning."""
        text, offered = folded(action), self._engine.admissible()
        if text in offered:
            return text
        key = self._key(action)
        return next((command for command in offered if self._key(command) == key), text)

    def _worded(self, command: str) -> str:
        return _MOVE.sub(r"put \1 in/on \2", command) if self._says_put else command

    def _show(self, observation: str) -> StepResult:
        won = self._engine.won
        self._latest = StepResult(observation, score=float(won), success=won, finished=won)
        return self._latest
