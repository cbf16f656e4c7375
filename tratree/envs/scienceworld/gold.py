"""Gold paths: action lists by the simulator's own solver, made once and kept on disk."""

from __future__ import annotations

import json
from pathlib import Path

from scienceworld.version import __version__

from tratree.envs.scienceworld.plain_path import plain_path
from tratree.envs.scienceworld.simulator import Simulator
from tratree.errors import UserError
from tratree.files import write_atomically


class GoldPaths:
    """Makes gold paths on a virtual machine of its own: they take seconds and much memory.

    Args:
        simplification: Of the tasks; see `Simulator`.
        cache_folder: Folder that keeps paths between runs.
        java: See `VirtualMachine`.
        plain: Whether to take the `plain_path` instead, where it solves the task, too.
    """

    def __init__(
        self, simplification: str, cache_folder: Path, java: str, *, plain: bool = False
    ) -> None:
        kind = f"{simplification or 'none'}{'-plain' if plain else ''}"
        self._folder = cache_folder / f"{__version__}-{kind}"
        self._plain = plain
        self._simulator = Simulator(simplification, java=java, heap_megabytes=512, seconds=600.0)

    def path(self, name: str, variation: int) -> list[str]:
        """Return the actions that solve a task.

        Raises:
            UserError: If there is no such task, or the folder can't be written.
        """
        file = self._folder / f"{name}-{variation}.json"
        try:
            path = json.loads(file.read_text("utf-8"))
            if isinstance(path, list) and all(isinstance(action, str) for action in path):
                return path
        except (OSError, ValueError, RecursionError):
            pass
        path = self._simulator.gold(name, variation)
        if self._plain:
            plain = plain_path(path)
            path = plain if self._solves(name, variation, plain) else path
        try:
            write_atomically(file, [json.dumps(path).encode() + b"\n"])
        except OSError as error:
            raise UserError(
                f"can't write gold paths to {self._folder} ({error.strerror}); "
                "choose another cache folder or make room"
            ) from error
        return path

    def _solves(self, name: str, variation: int, path: list[str]) -> bool:
        self._simulator.load(name, variation)
        return any(self._simulator.step(action).points >= 100 for action in path)

    def close(self) -> None:
        """End the virtual machine; may be called twice."""
        self._simulator.close()
