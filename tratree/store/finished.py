"""The folders of finished stages: what the store writes into them, and how that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError

DESCRIPTION = "stage.json"
TIMING = "timing.json"
CODE = "code.json"
"""Digests of the code that computed it: `tratree.store.code`."""


class Description(TypedDict):
    """The parts of a stage's key."""

    stage: str
    version: int
    settings: dict[str, Any]
    inputs: dict[str, str]


class Timing(TypedDict):
    """Time that a stage took, whoever computed it."""

    seconds: float


def unfinished(finished: Path) -> Path:
    """Return where a stage is worked on until it is `finished`."""
    return finished.with_suffix(".partial")


def is_finished(folder: Path) -> bool:
    """Return whether a stage is finished.

    Raises:
        UserError: If a file or a link is in the place of its folder.
    """
    if not folder.is_symlink() and folder.is_dir():
        return True
    refuse_other_than_folder(folder)
    return False


def refuse_other_than_folder(folder: Path) -> None:
    """Check that there is a folder or nothing; a link would have others' files read and written.

    Raises:
        UserError: If there is something else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        kind = "a link" if folder.is_symlink() else "a file"
        raise UserError(f"{folder} is {kind} where the store keeps a folder: remove it")


def finished_stages(stages: Path) -> Iterator[tuple[Path, Description]]:
    """Yield the finished ones among the stages of one name, in the order of their keys.

    One whose description is damaged is left out: it matters to those alone who read that stage.
    """
    for folder in sorted(stages.glob("*")) if stages.is_dir() else ():
        if not folder.suffix and not folder.is_symlink() and folder.is_dir():
            try:
                yield folder, read_description(folder)
            except UserError:
                continue


def read_description(folder: Path) -> Description:
    """Return name, version, settings and input keys of the finished stage in `folder`.

    Raises:
        UserError: If they are damaged.
    """
    advice = how_to_repair(folder)
    missing = f"{folder} has no {DESCRIPTION}: {advice}"
    found: Description = read_json(folder / DESCRIPTION, Description, advice, missing)
    return found


def read_seconds(folder: Path) -> float | None:
    """Return how long the finished stage in `folder` took; None if that is not known."""
    try:
        timing: Timing = read_json(folder / TIMING, Timing, "")
    except (FileNotFoundError, NotADirectoryError, UserError):
        return None
    return timing["seconds"]


Finished = list[tuple[dict[str, Any], float]]
"""Settings and seconds of finished stages of one name."""


def finished_seconds(root: Path, name: str) -> Finished:
    """Return how long the finished stages of a name took."""
    found = ((s["settings"], read_seconds(folder)) for folder, s in finished_stages(root / name))
    return [(settings, seconds) for settings, seconds in found if seconds is not None]


def expected_seconds(settings: Mapping[str, Any], finished: Finished) -> float | None:
    """Return how long a stage may take: as the finished ones most like it took in the mean.

    Returns:
        None if all of them differ from it in more than one setting, such as the seed.
    """
    known: dict[int, list[float]] = {}
    for stored, seconds in finished:
        known.setdefault(_differences(settings, stored), []).append(seconds)
    nearest = known[min(known)] if known and min(known) <= 1 else None
    return sum(nearest) / len(nearest) if nearest else None


def _differences(one: Any, other: Any) -> int:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return sum(_differences(one.get(k), other.get(k)) for k in one.keys() | other.keys())
    return int(one != other)


def how_to_repair(folder: Path) -> str:
    """Return what to do about a damaged stage."""
    root = folder.absolute().parents[1]
    return f"run `tratree store repair --store {root}`, then the same command again"
