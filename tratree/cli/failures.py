"""Reasons why points of a sweep failed: written into the folder of each, and listed at the end.

Nothing heavy is imported here: launchers read it when a sweep is submitted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tratree.errors import UserError
from tratree.files import write_json
from tratree.report.run_files import FAILURE, read_failure
from tratree.runs.run_folder import writing


class Sweep(Callback):
    """Hydra's callback that remembers the folder of this process's sweep.

    Attributes:
        folder: Its folder.
        before: The failures there when it started, as `_failures` has it.
        taken: Holds the folder of a single run.
    """

    folder: Path | None = None
    before: Mapping[Path, int] = MappingProxyType({})
    taken: ExitStack = ExitStack()

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """Take the run folder before Hydra writes to it.

        Hydra continues after other exceptions of a callback.
        """
        try:
            folder = str(config.hydra.run.dir)
        except (OmegaConfBaseException, ValueError):
            return  # it is only known later; the run takes it then
        if not folder:
            return  # `Checks` refuses it
        try:
            Sweep.taken.enter_context(writing(Path(folder)))
        except UserError as error:
            sys.exit(f"error: {error}")

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Look at the folder of the sweep that starts."""
        try:
            Sweep.folder = Path(str(config.hydra.sweep.dir))
        except OmegaConfBaseException:
            return  # `Checks` refuses it
        Sweep.before = _failures(Sweep.folder)


def write_failure(folder: Path, error: BaseException | str, overrides: Iterable[str]) -> None:
    """Write down why the point in `folder` failed, and what it was.

    Args:
        folder: The point's folder; made if it does not exist.
        error: Error that ended it.
        overrides: The overrides that make it this point.
    """
    reason = str(error)
    if isinstance(error, BaseException) and not isinstance(error, UserError):
        reason = f"{type(error).__name__}: {error}"
    document = {"overrides": " ".join(overrides), "reason": " ".join(reason.split())}
    write_json(folder / FAILURE, document, indent=2)


def _failures(sweep: Path) -> dict[Path, int]:
    """Return the folders of the failed points, and when each was written down, in nanoseconds."""
    return {path.parent: path.stat().st_mtime_ns for path in sorted(sweep.rglob(FAILURE))}


def list_failures(sweep: Path) -> None:
    """Print every point of a sweep that has failed since `Sweep` started, on standard error.

    Raises:
        UserError: If there are any, with their number.
    """
    now = _failures(sweep)
    folders = [folder for folder, time in now.items() if Sweep.before.get(folder) != time]
    for folder in folders:
        failure = read_failure(folder)
        assert failure is not None
        name = folder.relative_to(sweep)
        print(
            f"failed: {name}: {failure.get('overrides', '')}: {failure['reason']}", file=sys.stderr
        )
    if folders:
        raise UserError(
            f"{len(folders)} of the points in {sweep} failed, as listed above; of the others "
            f"`tratree summarize {sweep}` tells. Run the same command again to do what is missing"
        )
