"""A game, and the games in ALFWorld's folder layout."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tratree.envs.alfworld.package import ALFRED_PDDL_PATH, ALFRED_TWL2_PATH
from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.words import counted


@dataclass(frozen=True)
class Game:
    """The contents of a ``game.tw-pddl`` file.

    Attributes:
        problem: The start and the goal, in PDDL.
        domain: The rules of the household, in PDDL.
        grammar: The text grammar, goal sentence included.
        walkthrough: Commands that solve the game; empty if the file has none.
    """

    problem: str
    domain: str
    grammar: str
    walkthrough: tuple[str, ...]


LAYOUT = "json_2.1.1"
"""The folder of games in ALFWorld's layout, whatever their release."""

NO_FILE = "without game.tw-pddl or traj_data.json"
UNSOLVABLE = "not marked as solvable"
UNSUPPORTED = "with sliced objects or movable receptacles"
DAMAGED = "with a damaged file"


class DamagedGameError(UserError):
    """A file of a game is damaged; others are not.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged ({why}): delete it, then generate or download it again"
        )
        self.path = path


class GameSource(Protocol):
    """A collection of games."""

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split, sorted by id; at least one.

        Raises:
            UserError: If the split is missing or has no game that can be played.
        """
        ...

    def left_out(self, split: str) -> Mapping[str, Sequence[str]]:
        """Return which games of a split are not tasks, by the reason; files of damaged ones."""
        ...

    def load(self, task_id: str) -> Game:
        """Return the game of a task.

        Raises:
            UserError: If there is no such game or its file is damaged.
        """
        ...


class GameFolder:
    """Games in ALFWorld's layout: ``root/json_2.1.1/<split>/<goal and scene>/<trial>/``.

    A game's task id is its path below ``json_2.1.1``. Like alfworld's own loader it passes over
    folders without a game file, goals with sliced objects or movable receptacles, and games that
    are not marked as solvable.
    """

    def __init__(self, root: Path, *, made_here: bool = True) -> None:
        """Use the games below `root`: what ALFWORLD_DATA names, or where games were generated.

        A damaged game is left out, but not of those that were `made_here`: one seed gives the same
        games, and can give them again.
        """
        self._folder = root / LAYOUT
        self._made_here = made_here
        self._tasks: dict[str, list[Task]] = {}
        self._left_out: dict[str, dict[str, list[str]]] = {}

    def tasks(self, split: str) -> list[Task]:
        """See `GameSource.tasks`; the files are read once."""
        if split not in self._tasks:
            self._tasks[split] = self._read(split)
        return list(self._tasks[split])

    def _read(self, split: str) -> list[Task]:
        folder = self._folder / split
        if not folder.is_dir():
            raise missing_split(folder, sorted(p.name for p in self._folder.glob("*/")))
        tasks = []
        left_out: dict[str, list[str]] = {}
        for trial in folder.glob("*/*/"):
            task_id = trial.relative_to(self._folder).as_posix()
            path, description = trial / "game.tw-pddl", trial / "traj_data.json"
            if not is_supported(task_id):
                left_out.setdefault(UNSUPPORTED, []).append(task_id)
            elif not (path.exists() and description.exists()):
                left_out.setdefault(NO_FILE, []).append(task_id)
            else:
                try:
                    record = _read_json(path)
                    if not record.get("solvable"):
                        left_out.setdefault(UNSOLVABLE, []).append(task_id)
                        continue
                    goal = goal_in_grammar(_game(record, path).grammar, path)
                    task_type = text_field(_read_json(description), "task_type", description)
                except DamagedGameError as error:
                    if self._made_here:
                        raise
                    left_out.setdefault(DAMAGED, []).append(str(error.path))
                    continue
                tasks.append(Task(task_id, split, task_type, goal))
        if not tasks:
            raise empty_split(folder, left_out)
        self._left_out[split] = left_out
        return sorted(tasks, key=lambda task: task.task_id)

    def left_out(self, split: str) -> Mapping[str, Sequence[str]]:
        """See `GameSource.left_out`."""
        self.tasks(split)
        return self._left_out[split]

    def load(self, task_id: str) -> Game:
        """See `GameSource.load`."""
        path = self._folder / task_id / "game.tw-pddl"
        if not path.is_file():
            raise UserError(f"no game {path}: generate or download it, or correct the task id")
        return _game(_read_json(path), path)


def whole_problem(record: Mapping[str, Any], path: Path) -> str:
    """Return the PDDL problem of a game.

    Raises:
        DamagedGameError: If it is missing or cut; `path` names the file in the message.
    """
    problem = text_field(record, "pddl_problem", path)
    if problem.count("(") != problem.count(")"):
        raise DamagedGameError(path, "its PDDL problem is cut or malformed")
    return problem


def _game(record: Mapping[str, Any], path: Path) -> Game:
    return Game(
        problem=whole_problem(record, path),
        domain=text_field(record, "pddl_domain", path),
        grammar=text_field(record, "grammar", path),
        walkthrough=walkthrough_of(record, path),
    )


def packaged_rules(instruction: str) -> tuple[str, str]:
    """Return the PDDL domain and the text grammar of the alfworld package, with this goal."""
    domain, grammar = _packaged_texts()
    return domain, grammar.replace("UNKNOWN GOAL", json.dumps(instruction)[1:-1])


@cache
def _packaged_texts() -> tuple[str, str]:
    domain = Path(ALFRED_PDDL_PATH).read_text(encoding="utf-8")
    return domain, Path(ALFRED_TWL2_PATH).read_text(encoding="utf-8")


def is_supported(task_id: str) -> bool:
    """Say whether alfworld's own loader accepts such a game."""
    return "movable" not in task_id and "Sliced" not in task_id


def goal_sentence(text: str, path: Path) -> str:
    """Find the goal after "Your task is to:", without the full stop.

    Raises:
        DamagedGameError: If there is none; `path` names the file in the message.
    """
    match = re.search(r"Your task is to: (.+)", text)
    if match is None:
        raise DamagedGameError(path, 'it has no "Your task is to:"')
    return match[1].strip().removesuffix(".")


def goal_in_grammar(grammar: str, path: Path) -> str:
    """Find the goal in a text grammar, without the full stop.

    Raises:
        DamagedGameError: If there is none; `path` names the file in the message.
    """
    match = re.search(r'"(Your task is to: (?:[^"\\\n]|\\.)+)"', grammar)
    return goal_sentence(unescaped(match[1]) if match else "", path)


def unescaped(text: str) -> str:
    """Return the meaning of a piece of a JSON string; the piece itself if it is none."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def text_field(data: Mapping[str, Any], name: str, path: Path) -> str:
    """Return a text field.

    Raises:
        DamagedGameError: If it is missing or no text; `path` names the file in the message.
    """
    value = data.get(name)
    if not isinstance(value, str):
        raise DamagedGameError(path, f"it has no text field {name!r}")
    return value


def walkthrough_of(data: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the actions that solve a game; empty if it does not tell.

    Raises:
        DamagedGameError: If they are no texts; `path` names the file in the message.
    """
    actions = data.get("walkthrough") or []
    if not (isinstance(actions, list) and all(isinstance(action, str) for action in actions)):
        raise DamagedGameError(path, "its 'walkthrough' is no list of texts")
    return tuple(actions)


def parse_record(text: str | bytes, path: Path) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        DamagedGameError: If it is none; `path` names the file in the message.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedGameError(path, f"it is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise DamagedGameError(path, "it is not a JSON object")
    return data


def missing_split(path: Path, present: list[str]) -> UserError:
    """Make the error for a split whose file or folder `path` does not exist."""
    hint = f"its neighbours are: {', '.join(present)}" if present else "check the path of the games"
    return UserError(f"no ALFWorld games in {path}: {hint}")


def empty_split(path: Path, left_out: Mapping[str, Sequence[str]]) -> UserError:
    """Make the error for a split without any game that can be played."""
    found = ", ".join(f"{len(of)} {why}" for why, of in left_out.items()) or "no game at all"
    if DAMAGED in left_out:
        found += f": {first_of(left_out[DAMAGED])}"
    return UserError(
        f"{path} has no ALFWorld game that can be played ({found}): download the games again "
        "(alfworld-download), or set env.data to another folder"
    )


def first_of(names: Sequence[str]) -> str:
    """Return up to three names, and how many others there are."""
    more = f" and {counted(len(names) - 3, 'other')}" if len(names) > 3 else ""
    return ", ".join(sorted(names)[:3]) + more


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return parse_record(path.read_bytes(), path)
    except OSError as error:
        raise DamagedGameError(path, str(error.strerror)) from error
