"""The game: find a number among seven; each guess is answered with higher or lower."""

from __future__ import annotations

import random
from pathlib import Path

from guess_number import GuessNumberSettings
from tratree.envs.base import Expert, StepResult
from tratree.envs.plugin import Report
from tratree.errors import UserError
from tratree.trajectory.types import Task

COUNT = 7
HELD_OUT = 32
"""Tasks of each held-out split."""
ACTION = "guess"
HIGHER, LOWER = "My number is higher.", "My number is lower."
FOUND, REFUSED = "You found it.", "Nothing happens."


def prepare(settings: GuessNumberSettings, folder: Path, report: Report) -> None:
    """Prepare nothing: the rules are all there is."""


def make(settings: GuessNumberSettings, folder: Path, cache: Path) -> GuessNumber:
    """Open the environment."""
    return GuessNumber(settings.largest, settings.max_steps)


class GuessNumber:
    """A `tratree.envs.base.TextEnv`."""

    def __init__(self, largest: int, max_steps: int) -> None:
        self.max_steps = max_steps
        self._splits = _splits(largest)
        self._task: Task | None = None
        self._closed = False

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split."""
        if split not in self._splits:
            raise UserError(f"no split {split!r}: use one of {', '.join(self._splits)}")
        return list(self._splits[split])

    def reset(self, task: Task) -> StepResult:
        """Start an episode."""
        if task not in self._splits.get(task.split, ()):
            raise UserError(f"task {task.task_id} is not of this game: use one that it lists")
        self._task = task
        self._result = StepResult(f"Let us play. {task.instruction}")
        return self._result

    def step(self, action: str) -> StepResult:
        """Answer a guess."""
        first, secret = self._episode()
        if self._result.finished:
            return self._result
        offered = {f"{ACTION} {number}": number for number in range(first, first + COUNT)}
        guess = offered.get(" ".join(action.lower().split()))
        if guess is None:
            return StepResult(REFUSED, valid=False)
        if guess == secret:
            self._result = StepResult(FOUND, score=1.0, success=True, finished=True)
            return self._result
        return StepResult(HIGHER if guess < secret else LOWER)

    def admissible(self) -> list[str]:
        """Return all guesses."""
        first, _ = self._episode()
        if self._result.finished:
            return []
        return sorted(f"{ACTION} {number}" for number in range(first, first + COUNT))

    def state_key(self) -> str:
        """Return what differs between states: guesses change nothing until the number is found."""
        self._episode()
        return str(self._result.finished)

    def expert(self, task: Task) -> Expert:
        """Return an expert that halves what is left."""
        low = int(task.instruction.split()[-3])
        high = low + COUNT - 1
        guess = 0

        def play(result: StepResult) -> tuple[str, str]:
            nonlocal low, high, guess
            if result.observation == HIGHER:
                low = guess + 1
            elif result.observation == LOWER:
                high = guess - 1
            guess = (low + high) // 2
            return f"it is from {low} to {high}", f"{ACTION} {guess}"

        return play

    def close(self) -> None:
        """End."""
        self._task, self._closed = None, True

    def _episode(self) -> tuple[int, int]:
        """Return the smallest number that may be guessed, and the one to find."""
        if self._task is None:
            raise UserError("the game is closed" if self._closed else "reset starts an episode")
        first, secret = self._task.task_id.split("/")
        return int(first), int(secret)


def _splits(largest: int) -> dict[str, list[Task]]:
    games = [
        (first, secret)
        for first in range(1, largest - COUNT + 2)
        for secret in range(first, first + COUNT)
    ]
    random.Random(0).shuffle(games)
    ends = {"test": HELD_OUT, "development": 2 * HELD_OUT, "train": len(games)}
    found, start = {}, 0
    for split, end in ends.items():
        found[split] = [_task(split, *game) for game in games[start:end]]
        start = end
    return found


def _task(split: str, first: int, secret: int) -> Task:
    said = f"Find my number from {first} to {first + COUNT - 1}"
    return Task(f"{first}/{secret}", split, "find", said)
