"""An expert that replays a gold path and says what each part of it is for."""

from __future__ import annotations

import re

from tratree.envs.base import StepResult
from tratree.envs.scienceworld.simulator import AMBIGUOUS

_ON_THE_WAY = re.compile(r"look around|(?:go|teleport) to .*|open door to .*")


class GoldExpert:
    """Replays a gold path; unlike an agent it knows where everything is.

    The thought is the next action that does more than find the way: ``pick up thermometer`` while
    the expert walks to the kitchen. Where no such action is left, it is empty.

    Args:
        path: The actions.
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
            left = self._path[self._position :]
            self._thought = next((a for a in left if not _ON_THE_WAY.fullmatch(a)), "")
        self._position += 1
        return self._thought, action

    @property
    def _here(self) -> str:
        return self._path[self._position]
