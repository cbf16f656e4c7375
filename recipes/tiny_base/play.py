"""Record play in games of split ``pretraining`` as rows of token ids.

Each row is the first `--length` tokens of one episode.

    python recipes/tiny_base/play.py --output /tmp/tiny_base --games 6000
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from build_tokenizer import REFUSAL, build
from player import LAMP, Habits, Player

from tratree.envs.alfworld.engine import Engine
from tratree.envs.alfworld.games import Game, GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.scene import PORTABLE
from tratree.policy.chat import ChatFormat
from tratree.trajectory.types import Task

SPLIT = "pretraining"
CHUNK = 100

_OBJECT = re.compile(r"\(objectType \S+ (\w+)Type\)")


class _RowIsFullError(Exception):
    """There are enough tokens to fill the row."""


def play_episode(engine: Engine, chat: ChatFormat, game: Game, length: int, seed: str) -> list[int]:
    """Return the first `length` tokens of an episode; that a goal is reached goes unnoticed."""
    opening = engine.start(game).partition("\n\n")[2]
    row = chat.first_turn(opening)

    def act(thought: str, action: str) -> str:
        observation = engine.step(action) or REFUSAL
        row.extend(chat.agent_turn(thought, action))
        row.extend(chat.next_turn(observation))
        if len(row) >= length:
            raise _RowIsFullError
        return observation

    types = set(_OBJECT.findall(game.problem))
    things = sorted(name.lower() for name in types & PORTABLE)
    lamps = sorted({LAMP} & {name.lower() for name in types})
    player = Player(act, engine.admissible, things, lamps, Habits(), random.Random(seed))
    with suppress(_RowIsFullError):
        player.play(opening.partition("\n\n")[0])
    return row[:length]


def record(start: int, tasks: list[Task], root: Path, episodes: int, length: int) -> Path:
    """Play the games from number `start` on, `episodes` times each, and save the rows."""
    path = root / "rows" / f"{start:06d}.npy"
    if path.exists():
        return path
    source = GameFolder(root)
    engine = Engine(root / "cache")
    chat = ChatFormat(build(), "tiny")
    rows = np.zeros((min(CHUNK, len(tasks) - start) * episodes, length), dtype=np.uint16)
    index = 0
    for task in tasks[start : start + CHUNK]:
        game = source.load(task.task_id)
        for episode in range(episodes):
            seed = f"{task.task_id} {episode}"
            rows[index] = play_episode(engine, chat, game, length, seed)
            index += 1
    engine.close()
    draft = path.with_suffix(".draft.npy")
    np.save(draft, rows)
    draft.rename(path)
    return path


def main() -> None:
    """Generate the games, play them in several processes, report the number of tokens."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--games", type=int, default=6000)
    parser.add_argument("--episodes", type=int, default=5, help="episodes of each game")
    parser.add_argument("--length", type=int, default=961, help="tokens of a row")
    parser.add_argument("--difficulty", default="small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    root = arguments.output
    (root / "rows").mkdir(parents=True, exist_ok=True)
    generate_games(
        root, SPLIT, arguments.games, difficulty=arguments.difficulty, seed=arguments.seed
    )
    tasks = sorted(GameFolder(root).tasks(SPLIT), key=lambda task: task.task_id.split("/")[-1])
    play = partial(
        record, tasks=tasks, root=root, episodes=arguments.episodes, length=arguments.length
    )
    with multiprocessing.get_context("forkserver").Pool(arguments.workers) as pool:
        paths = list(pool.imap(play, range(0, len(tasks), CHUNK)))
    tokens = sum(np.load(path).size for path in paths)
    print(f"{tokens / 1e6:.1f} M tokens in {len(tasks) * arguments.episodes} episodes")


if __name__ == "__main__":
    main()
