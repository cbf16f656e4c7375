"""A run folder's record of its stages: ``stages.json``, which folders of which store they are."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from typing_extensions import TypedDict

from tratree.documents import read_json
from tratree.errors import UserError
from tratree.files import clear_disk_errors, disk_reason, write_json
from tratree.runs.starts import STARTS
from tratree.store.finished import read_seconds
from tratree.store.stage import Stage, with_inputs

STAGES = "stages.json"
LOCK = ".lock"


class StagesDocument(TypedDict):
    """``stages.json``: the store, and the place in it of each stage by its title."""

    store: str
    stages: dict[str, str]


@dataclass(frozen=True)
class RunStages:
    """The stages of a run.

    Attributes:
        store: The root of the store.
        folders: The folder of each stage once it is finished, relative to `store`, by its title.
    """

    store: Path
    folders: dict[str, str]

    def folder(self, title: str) -> Path | None:
        """Return the folder of a stage, or None if the run has none of that title."""
        found = self.folders.get(title)
        return None if found is None else self.store / found


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Make a run folder, and keep other runs out of it; may be nested within one process.

    A run that is refused before it starts leaves no folder behind that was made for it.

    Raises:
        UserError: If another process is writing it, or the folder can't be made.
    """
    advice = "set hydra.run.dir=FOLDER to another one"
    try:
        made = [folder for folder in (run, *run.parents) if not os.path.lexists(folder)]
        run.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run / LOCK, is_singleton=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"another run is writing the run folder {run}: wait for it, or {advice}"
        ) from None
    except (OSError, ValueError) as error:
        reason = disk_reason(error, run) if isinstance(error, OSError) else error
        raise UserError(f"cannot write the run folder {run} ({reason}): {advice}") from error
    try:
        with clear_disk_errors(f"the run folder {run}", advice):
            yield
    except (UserError, SystemExit) as error:
        told = isinstance(error, UserError) or isinstance(error.code, str)
        if told and run in made and not (run / STARTS).exists():
            shutil.rmtree(run, ignore_errors=True)
            _remove_empty(made)
        raise
    finally:
        lock.release()


def _remove_empty(folders: Iterable[Path]) -> None:
    with suppress(OSError):  # something is in it
        for folder in folders:
            if folder.exists():
                folder.rmdir()


def write_stages(run: Path, store: str, stages: Iterable[Stage]) -> None:
    """Write ``stages.json`` of `stages` and all before them into the run folder.

    It names the store as the configuration does: an absolute path as it is, a relative one
    relative to the run folder, so that both can be moved together.

    Args:
        run: The run folder; made if it does not exist.
        store: The configuration's ``store``.
        stages: The last stages of the run.
    """
    folders = {stage.title: f"{stage.name}/{stage.key}" for stage in with_inputs(stages)}
    place = store if Path(store).is_absolute() else os.path.relpath(store, run.resolve())
    write_json(run / STAGES, {"store": place, "stages": folders}, indent=2)


def read_stages(run: Path) -> RunStages:
    """Read what `write_stages` wrote.

    Raises:
        UserError: If there is no such file, or it is damaged.
    """
    document: StagesDocument = read_json(
        run / STAGES,
        StagesDocument,
        "run the same command again to rewrite it",
        f"{run} is not a run folder (it has no {STAGES}): give the folder that the run named at "
        "its end, or that hydra.run.dir named",
    )
    store = Path(os.path.normpath(run.resolve() / document["store"]))
    return RunStages(store, document["stages"])


def stage_seconds(run: Path) -> dict[str, float]:
    """Return how long each finished stage of a run took, in seconds, by its folder in the store."""
    stages = read_stages(run)
    seconds = {folder: read_seconds(stages.store / folder) for folder in stages.folders.values()}
    return {folder: taken for folder, taken in seconds.items() if taken is not None}


def seconds_by_name(seconds: Mapping[str, float]) -> dict[str, float]:
    """Add up what `stage_seconds` returned, of one run or several, by the name of the stage.

    Returns:
        Seconds by name, the longest first.
    """
    total: defaultdict[str, float] = defaultdict(float)
    for folder, time in sorted(seconds.items()):
        total[Path(folder).parent.name] += time
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def seconds_by_stage(folder: Path) -> dict[str, float]:
    """Return `seconds_by_name` of all runs in `folder`, each stage counted once."""
    seconds: dict[str, float] = {}
    for path in folder.rglob(STAGES):
        seconds |= stage_seconds(path.parent)
    return seconds_by_name(seconds)
