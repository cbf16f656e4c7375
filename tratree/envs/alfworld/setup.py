"""From the settings of ``env=alfworld`` to games on disk and an open environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import LAYOUT, GameFolder, GameSource
from tratree.envs.alfworld.generator import generate_games
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.external_files import ExternalFiles


def external_files(settings: Mapping[str, Any]) -> dict[str, ExternalFiles | None]:
    """Return the files of official games: generated ones don't depend on ``env.data``.

    Raises:
        UserError: If they cannot be found.
    """
    if settings["games"] != "official":
        return {"data": None}
    folder, splits = _official_folder(settings["data"]), settings["splits"].values()
    if (folder / LAYOUT).is_dir():
        found = (path for split in splits for path in _game_files(folder / LAYOUT / split))
    else:
        found = (path for split in splits if (path := folder / f"{split}.jsonl.gz").is_file())
    files = {path.relative_to(folder).as_posix(): path for path in found}
    return {"data": ExternalFiles(folder, files)}


def prepare_data(
    settings: Mapping[str, Any], folder: Path, report: Callable[[int, int], None]
) -> None:
    """Generate the games into `folder`, or check that the official ones are there.

    Args:
        settings: The configuration of the environment.
        folder: Where to write; games that are already there are kept.
        report: Called with the number of games made so far and the number wanted.

    Raises:
        UserError: If the official games cannot be found, or a setting is unknown.
    """
    if settings["games"] == "official":
        _official_folder(settings["data"])
        return
    if settings["games"] != "generated":
        raise UserError(f"env.games={settings['games']} is not known: use generated or official")
    sizes = {
        split: settings["train_games"] if name == "train" else settings["held_out_games"]
        for name, split in settings["splits"].items()
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
            difficulty=settings["difficulty"],
            seed=settings["games_seed"],
            progress=progress,
        )
        before += count


def make_env(settings: Mapping[str, Any], folder: Path, cache: Path) -> AlfworldEnv:
    """Open the environment on the games that `prepare_data` made or found.

    Raises:
        UserError: If the official games cannot be found, or a setting is unknown.
    """
    official = settings["games"] == "official"
    return AlfworldEnv(
        _official_games(settings["data"]) if official else GameFolder(folder),
        max_steps=settings["max_steps"],
        cache_folder=cache / "alfworld",
        wording=settings["wording"],
        forgiving=settings.get("forgiving", False),
        expert=settings.get("expert", "search"),
    )


def _official_games(configured: str | None) -> GameSource:
    folder = _official_folder(configured)
    return GameFolder(folder) if (folder / LAYOUT).is_dir() else CompactGames(folder)


def _game_files(split: Path) -> Iterator[Path]:
    """Yield the files of a split that `GameFolder` reads; ``os`` is fast with many folders."""
    for goal in _folders(split):
        for trial in _folders(goal):
            for name in ("game.tw-pddl", "traj_data.json"):
                if os.path.exists(path := os.path.join(trial, name)):
                    yield Path(path)


def _folders(folder: str | Path) -> list[str]:
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.is_dir()]


def _official_folder(configured: str | None) -> Path:
    folder = Path(configured).expanduser() if configured else external_data("alfworld")
    if folder is None:
        raise UserError(
            "env.games=official needs the released games: set ALFWORLD_DATA or env.data to "
            f"the folder that contains {LAYOUT}, or use env.games=generated"
        )
    if folder.name == LAYOUT and folder.is_dir():
        folder = folder.parent
    if not (folder / LAYOUT).is_dir() and not any(folder.glob("*.jsonl.gz")):
        raise UserError(
            f"env.data={folder} has neither {LAYOUT}/ nor *.jsonl.gz files: set env.data (or "
            "ALFWORLD_DATA) to the folder of the released games, or use env.games=generated"
        )
    return folder.absolute()
