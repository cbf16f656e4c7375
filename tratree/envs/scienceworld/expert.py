"""An expert that replays a gold path and says what each part of it is for."""

from __future__ import annotations

import re
from itertools import takewhile

from tratree.envs.base import StepResult
from tratree.envs.scienceworld.simulator import AMBIGUOUS

_ON_THE_WAY = re.compile(r"look around|(?:go|teleport) to .*|open door to .*")
_MOVE = re.compile(r"(?:go|teleport) to .*")


class GoldExpert:
    """Replays a gold path; unlike an agent it knows where everything is.

    On the way its thought is the move that gets there, ``go to kitchen``, so that it names nothing
    that was not seen yet; it is empty for a look around. Otherwise the thought is the action.
    """

    def __init__(self, path: list[str]) -> None:
        self._path = path
        self._position = 0
        self._thought = ""

    def __call__(self, result: StepResult) -> tuple[str, str]:
        """Return the next thought and action; look around once the path has ended."""
        asked = result.observation.startswith(AMBIGUOUS)
        while self._position < len(self._path) and self._here.isdigit() and not asked:
            self._position += 1  # the environment has answered for the agent
        if self._position == len(self._path):
            return "", "look around"
        action = self._here
        if not asked:
            self._thought = self._aim(action)
        self._position += 1
        return self._thought, action

    def _aim(self, action: str) -> str:
        """Return what an action is for: itself, or the last move of the way it is part of."""
        if not _ON_THE_WAY.fullmatch(action):
            return action
        way = takewhile(_ON_THE_WAY.fullmatch, self._path[self._position :])
        return next((a for a in reversed(list(way)) if _MOVE.fullmatch(a)), "")

    @property
    def _here(self) -> str:
        return self._path[self._position]
