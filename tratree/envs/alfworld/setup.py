"""From the settings of ``env=alfworld`` to games on disk and an open environment."""

from __future__ import annotations

import json
from pathlib import Path

from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder, GameSource
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.plugin import Report
from tratree.errors import UserError
from tratree.external_data import external_data

OFFICIAL = "official.json"


def prepare_data(settings: AlfworldSettings, folder: Path, report: Report) -> None:
    """Generate the games into `folder`, or note there where the official ones are.

    Args:
        settings: The configuration of the environment.
        folder: Where to write; games that are already there are kept.
        report: Called with the number of games made so far and the number wanted.

    Raises:
        UserError: If the official games cannot be found.
    """
    if settings.games == "official":
        found = _official_folder(settings.data)
        (folder / OFFICIAL).write_text(json.dumps({"folder": str(found)}) + "\n", "utf-8")
        return
    sizes = {
        split: settings.train_games if name == "train" else settings.held_out_games
        for name, split in settings.splits.items()
    }
    wanted = sum(sizes.values())
    before = 0
    for split, count in sizes.items():

        def progress(done: int, before: int = before) -> None:
            report(before + done, wanted)

        generate_games(
            folder,
            split,
            count,
            difficulty=settings.difficulty,
            seed=settings.games_seed,
            progress=progress,
        )
        before += count


def make_env(settings: AlfworldSettings, folder: Path, cache: Path) -> AlfworldEnv:
    """Open the environment on the games that `prepare_data` made or found."""
    return AlfworldEnv(
        _source(folder),
        max_steps=settings.max_steps,
        cache_folder=cache / "alfworld",
        wording=settings.wording,
    )


def _source(folder: Path) -> GameSource:
    noted = folder / OFFICIAL
    if not noted.exists():
        return GameFolder(folder)
    official = Path(json.loads(noted.read_text("utf-8"))["folder"])
    return GameFolder(official) if (official / "json_2.1.1").is_dir() else CompactGames(official)


def _official_folder(configured: str | None) -> Path:
    folder = Path(configured) if configured else external_data("alfworld")
    if folder is None:
        raise UserError(
            "env.games=official needs the released games: set ALFWORLD_DATA or env.data to "
            "the folder that contains json_2.1.1, or use env.games=generated"
        )
    if not (folder / "json_2.1.1").is_dir() and not any(folder.glob("*.jsonl.gz")):
        raise UserError(
            f"env.data={folder} has neither json_2.1.1/ nor *.jsonl.gz files: set env.data to "
            "the folder of the released games, or use env.games=generated"
        )
    return folder.absolute()
