"""What a run folder says of its run: ``stages.json``, where in which store its stages lie."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tratree.errors import UserError
from tratree.store.finished import TIMING
from tratree.store.stage import Stage, with_inputs

STAGES = "stages.json"


@dataclass(frozen=True)
class RunStages:
    """The stages of a run.

    Attributes:
        store: The root of the store.
        folders: Where each stage lies once it is finished, relative to `store`, by its title.
    """

    store: Path
    folders: dict[str, str]

    def folder(self, title: str) -> Path | None:
        """Return the folder of a stage, or None if the run has none of that title."""
        found = self.folders.get(title)
        return None if found is None else self.store / found


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
    run.mkdir(parents=True, exist_ok=True)
    document = {"store": place, "stages": folders}
    (run / STAGES).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def read_stages(run: Path) -> RunStages:
    """Read what `write_stages` wrote.

    Raises:
        UserError: If there is no such file, or it is damaged.
    """
    path = run / STAGES
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        store = Path(os.path.normpath(run.resolve() / document["store"]))
        folders = {str(title): str(folder) for title, folder in document["stages"].items()}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{run} is not a run folder (it has no {STAGES}): give the folder that the run named "
            "at its end, or that hydra.run.dir named"
        ) from error
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}): run the same command again to write it anew"
        ) from error
    return RunStages(store, folders)


def stage_seconds(run: Path) -> dict[str, float]:
    """Return how long each finished stage of a run took, in seconds, by its folder in the store."""
    stages = read_stages(run)
    timings = {folder: stages.store / folder / TIMING for folder in stages.folders.values()}
    return {
        folder: json.loads(path.read_text("utf-8"))["seconds"]
        for folder, path in timings.items()
        if path.is_file()
    }


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
