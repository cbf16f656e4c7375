"""Playing ALFWorld in games of split ``pretraining``, each game five times."""

from __future__ import annotations

import random
import re
from functools import cached_property
from pathlib import Path

from transcript import Transcript

from experiments.tiny_base.player import LAMP, Habits, Player
from tratree.envs.alfworld.engine import Engine
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.scene import PORTABLE
from tratree.trajectory.types import Task

SPLIT, DIFFICULTY, SEED = "pretraining", "small", 0
EPISODES = 5
REFUSAL = "Nothing happens."

_OBJECT = re.compile(r"\(objectType \S+ (\w+)Type\)")


def prepare(root: Path, transcripts: int) -> None:
    """Generate the games."""
    generate_games(root, SPLIT, -(-transcripts // EPISODES), difficulty=DIFFICULTY, seed=SEED)


class Playground:
    """Plays one episode a transcript; that a goal is reached goes unnoticed."""

    def __init__(self, root: Path, start: int) -> None:
        """Open the games in `root`."""
        self._games = GameFolder(root)
        self._engine = Engine(root / "cache")

    def play(self, number: int, transcript: Transcript, rng: random.Random) -> None:
        """Play until the transcript is full."""
        game = self._games.load(self._tasks[number // EPISODES].task_id)
        opening = self._engine.start(game).partition("\n\n")[2]
        transcript.open(opening)

        def act(thought: str, action: str) -> str:
            observation = self._engine.step(action) or REFUSAL
            transcript.add(thought, action, observation)
            return observation

        types = set(_OBJECT.findall(game.problem))
        things = sorted(name.lower() for name in types & PORTABLE)
        lamps = sorted({LAMP} & {name.lower() for name in types})
        player = Player(act, self._engine.admissible, things, lamps, Habits(), rng)
        player.play(opening.partition("\n\n")[0])

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    @cached_property
    def _tasks(self) -> list[Task]:
        return sorted(self._games.tasks(SPLIT), key=lambda task: task.task_id.split("/")[-1])
