"""The files of a run folder, and what must be in them: one reader for each kind of file.

Nothing heavy is imported here: launchers read some of them when a sweep is submitted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NotRequired

from annotated_types import Ge, Interval, MinLen
from typing_extensions import TypedDict

from tratree.documents import checked, read_json, read_yaml
from tratree.errors import UserError

RESULTS = "results.json"
FAILURE = "failure.json"
CONFIGURATION = ".hydra"

AGAIN = "run it again"

Share = Annotated[float, Interval(ge=0, le=1)]


class Estimate(TypedDict):
    """A mean with its interval."""

    mean: float
    low: float
    high: float


class ShareEstimate(TypedDict):
    """A mean of numbers from 0 to 1, with its interval."""

    mean: Share
    low: Share
    high: Share


class TaskType(TypedDict):
    """Results on one kind of task."""

    tasks: Annotated[int, Ge(0)]
    reward: ShareEstimate


class Figures(TypedDict):
    """Results of a system on one split."""

    episodes: Annotated[int, Ge(0)]
    reward: ShareEstimate
    success: ShareEstimate
    finished: ShareEstimate
    steps: NotRequired[Estimate]
    invalid_actions: NotRequired[Estimate]
    tokens: NotRequired[Estimate]
    pgr: NotRequired[float | None]
    pgr_ceiling: NotRequired[float | None]
    task_types: NotRequired[dict[str, Any]]


class Gap(TypedDict):
    """The systems that PGR is measured between."""

    weak: str
    ceiling: str


class Comparison(TypedDict):
    """A figure of a system less that of the baseline, task by task."""

    difference: Estimate
    better: int
    worse: int
    p: float
    p_holm: NotRequired[float | None]
    detectable: NotRequired[float | None]


class SplitComparison(TypedDict):
    """A system compared with the baseline on one split."""

    tasks: Annotated[int, Ge(0)]
    reward: Comparison
    success: Comparison


class Comparisons(TypedDict):
    """All systems compared with the baseline."""

    baseline: str
    systems: dict[str, dict[str, SplitComparison]]


class ReportFigures(Figures):
    """Figures that a report needs of a system and split."""

    task_types: NotRequired[dict[str, TaskType]]


class Results(TypedDict):
    """``results.json``, as a report needs it."""

    systems: dict[str, dict[str, ReportFigures]]
    pgr: Gap
    comparisons: NotRequired[Comparisons]


class PointFigures(Figures):
    """Figures that a table of a sweep needs of a system and split."""

    steps: Estimate  # type: ignore[misc]


class PointResults(TypedDict):
    """``results.json``, as a table of a sweep needs it."""

    env: str
    method: str
    seed: Annotated[int, Ge(0)]
    systems: Annotated[dict[str, dict[str, PointFigures]], MinLen(1)]


class Failure(TypedDict):
    """``failure.json``: why a point failed."""

    overrides: NotRequired[str]
    reason: str


class Named(TypedDict):
    """A group of the configuration."""

    name: str


class Settings(TypedDict):
    """``config.yaml``: the whole configuration of a run."""

    env: NotRequired[Named]
    method: NotRequired[Named]
    seed: NotRequired[int]


class _Overrides(TypedDict):
    task: NotRequired[list[str]]


class _Runtime(TypedDict):
    choices: NotRequired[dict[str, str | None]]


class HydraSettings(TypedDict):
    """Hydra's record of how it was called."""

    overrides: NotRequired[_Overrides]
    runtime: NotRequired[_Runtime]


class _HydraFile(TypedDict):
    hydra: NotRequired[HydraSettings]


def read_results(run: Path, shape: Any = Results) -> Any:
    """Return ``results.json`` of a run as `Results` or `PointResults`; None if there is none.

    Raises:
        UserError: If it is damaged, as every function here.
    """
    return _if_there(run / RESULTS, shape)


def read_failure(run: Path) -> Failure | None:
    """Return ``failure.json`` of a run; None if it has not failed."""
    failure: Failure | None = _if_there(run / FAILURE, Failure)
    return failure


def read_figures(path: Path) -> dict[str, Figures] | None:
    """Return the figures of an evaluation by split; None if there is no such file."""
    figures: dict[str, Figures] | None = _if_there(path, dict[str, Figures])
    return figures


def read_configuration(run: Path) -> dict[str, Any]:
    """Return the configuration of a run, as Hydra wrote it.

    Raises:
        UserError: If it is missing, too.
    """
    settings: dict[str, Any] = _yaml(run / CONFIGURATION / "config.yaml", dict[str, Any])
    try:
        checked(settings, Settings)
    except ValueError as error:
        raise UserError(
            f"{run / CONFIGURATION / 'config.yaml'} is damaged ({error}): {AGAIN}"
        ) from None
    return settings


def read_hydra(run: Path) -> HydraSettings:
    """Return what Hydra notes of how it was called.

    Raises:
        UserError: If it is missing, too.
    """
    document: _HydraFile = _yaml(run / CONFIGURATION / "hydra.yaml", _HydraFile)
    return document.get("hydra", {})


def _if_there(path: Path, shape: Any) -> Any:
    try:
        return read_json(path, shape, AGAIN)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _yaml(path: Path, shape: Any) -> Any:
    try:
        return read_yaml(path, shape, AGAIN)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} is missing: {AGAIN}") from error
