"""Setup of ``env=alfworld``: from settings to games on disk and an open environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import LAYOUT, GameFolder, GameSource
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.plugin import Report
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.external_files import ExternalFiles


def external_files(settings: AlfworldSettings) -> dict[str, ExternalFiles | None]:
    """Return the files of official games: generated ones don't depend on ``env.data``.

    Raises:
        UserError: If they cannot be found.
    """
    if settings.games != "official":
        return {"data": None}
    folder, splits = official_folder(settings.data), settings.splits.values()
    if (folder / LAYOUT).is_dir():
        files = {
            name: path
            for split in splits
            for name, path in _game_files(os.path.join(folder, LAYOUT, split), f"{split}/")
        }
    else:
        names = [f"{split}.jsonl.gz" for split in splits]
        files = {name: str(folder / name) for name in names if (folder / name).is_file()}
    return {"data": ExternalFiles(folder, files)}


def prepare_data(settings: AlfworldSettings, folder: Path, report: Report) -> None:
    """Generate the games into `folder`, or check that the official ones are there.

    Args:
        settings: The configuration of the environment.
        folder: Folder to write to; games that are already there are kept.
        report: Called with the number of games made so far and the number wanted.

    Raises:
        UserError: If the official games cannot be found.
    """
    if settings.games == "official":
        official_folder(settings.data)
        return
    sizes = settings.task_numbers()
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
    """Open the environment on the games that `prepare_data` made or found.

    Raises:
        UserError: If the official games cannot be found.
    """
    official = settings.games == "official"
    return AlfworldEnv(
        _official_games(settings.data) if official else GameFolder(folder),
        settings,
        cache / "alfworld",
    )


def _official_games(configured: str | None) -> GameSource:
    folder = official_folder(configured)
    if (folder / LAYOUT).is_dir():
        return GameFolder(folder, made_here=False)
    return CompactGames(folder)


def _game_files(folder: str, name: str, depth: int = 2) -> Iterator[tuple[str, str]]:
    """Yield name and path of what `GameFolder` reads of a split: with many files, `os` is fast."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if depth == 0 and entry.name in ("game.tw-pddl", "traj_data.json"):
                yield name + entry.name, entry.path
            elif depth > 0 and entry.is_dir():
                yield from _game_files(entry.path, f"{name}{entry.name}/", depth - 1)


def official_folder(configured: str | None) -> Path:
    """Return the folder of the official games.

    Raises:
        UserError: If they cannot be found.
    """
    named = configured or os.environ.get("ALFWORLD_DATA")
    folder = Path(named).expanduser() if named else external_data("alfworld")
    if folder is None:
        raise UserError(
            "env.games=official needs the released games: set ALFWORLD_DATA or env.data to "
            f"the folder that contains {LAYOUT}, or use env.games=generated"
        )
    if folder.name == LAYOUT and folder.is_dir():
        folder = folder.parent
    if not (folder / LAYOUT).is_dir() and not any(folder.glob("*.jsonl.gz")):
        raise UserError(
            f"env.data={folder} has neither {LAYOUT}/ nor *.jsonl.gz files: set env.data to the "
            "folder of the released games (its default is ALFWORLD_DATA), or use "
            "env.games=generated"
        )
    return folder.absolute()
