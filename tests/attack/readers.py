"""All readers of files that others may have written."""

from __future__ import annotations

from pathlib import Path

from tests.attack.outside_readers import OUTSIDE_READERS, prepare_outside
from tests.attack.run_readers import RUN_READERS, prepare_run

READERS = (*RUN_READERS, *OUTSIDE_READERS)


def prepare(folder: Path) -> None:
    """Fill a folder with a good file for every reader."""
    prepare_run(folder)
    prepare_outside(folder)
