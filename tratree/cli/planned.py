"""The points that a sweep is going to run, and the stages that they will need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NotRequired

from annotated_types import Ge
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from typing_extensions import TypedDict

from tratree.composition import compose_config, describe_composition_error, parse_overrides
from tratree.documents import read_yaml
from tratree.errors import UserError
from tratree.settings import plain

PLAN = "multirun.yaml"
"""Files that a sweeper writes into a sweep's folder when it starts: Hydra's own, and ours."""

Overrides = tuple[str, ...]


def planned_points(plan: Path) -> list[Overrides] | None:
    """Return the overrides of every point in file `plan` of a sweep.

    None if that is not known beforehand: another sweeper chooses points as it goes, as a search
    does (`planned_runs`).

    Raises:
        UserError: If the plan is damaged.
    """
    try:
        hydra = _read(plan)
        if not hydra["sweeper"]["_target_"].endswith(BasicSweeper.__name__):
            return None
        [points] = BasicSweeper.split_arguments(swept(hydra), None)
    except (LookupError, TypeError, ValueError, HydraException) as error:
        raise UserError(
            f"{plan} is damaged ({describe_composition_error(error)}): start the sweep again"
        ) from error
    return [tuple(point) for point in points]


def planned_runs(plan: Path) -> int | None:
    """Return how many runs the search of file `plan` will have: one for each trial and seed.

    None if it is another sweeper's.

    Raises:
        UserError: If the plan is damaged.
    """
    try:
        hydra = _read(plan)
        if not hydra["sweeper"]["_target_"].endswith(".TuningSweeper"):
            return None
        of_key = {override.get_key_element(): override for override in swept(hydra)}
        seed = of_key.get("seed")
        seeds = list(seed.sweep_string_iterator()) if seed and seed.is_discrete_sweep() else [seed]
        return int(hydra["sweeper"]["n_trials"]) * len(seeds)
    except (LookupError, TypeError, ValueError, HydraException) as error:
        raise UserError(
            f"{plan} is damaged ({describe_composition_error(error)}): start the search again"
        ) from error


class _Sweeper(TypedDict):
    _target_: str
    params: NotRequired[dict[str, Any] | None]
    n_trials: NotRequired[Annotated[int, Ge(0)]]


class _Task(TypedDict):
    task: list[str]


class _Source(TypedDict):
    path: str
    provider: str


class _Runtime(TypedDict):
    cwd: str
    config_sources: NotRequired[list[_Source]]


class _Hydra(TypedDict):
    sweeper: _Sweeper
    overrides: _Task
    runtime: _Runtime


class _Plan(TypedDict):
    hydra: _Hydra


def _read(plan: Path) -> dict[str, Any]:
    again = "start the sweep again"
    hydra: dict[str, Any] = read_yaml(plan, _Plan, again, f"{plan} is missing: {again}")["hydra"]
    return hydra


def swept(hydra: Mapping[str, Any]) -> list[Override]:
    """Return the overrides of a sweep, given Hydra's part of its configuration."""
    params = [f"{key}={value}" for key, value in (hydra["sweeper"].get("params") or {}).items()]
    return parse_overrides([*params, *hydra["overrides"]["task"]])


def launched_from(plan: Path) -> Path:
    """Return the folder that relative paths of the sweep's configuration start from."""
    return Path(_read(plan)["runtime"]["cwd"])


def config_dir_of(plan: Path) -> Path | None:
    """Return the folder that ``--config-dir`` of the sweep named, or None."""
    sources = _read(plan)["runtime"].get("config_sources", ())
    found = (Path(source["path"]) for source in sources if source["provider"] == "command-line")
    return next(found, None)


@cache
def planned_identity(overrides: Overrides, config_dir: Path | None = None) -> str:
    """Return what a point that will run is known by, as `Point.identity`.

    Raises:
        UserError, HydraException: As `planned_stages`.
    """
    from tratree.runs.identity import point_identity

    return point_identity(plain(compose_config(overrides, config_dir)))


@cache
def planned_stages(
    overrides: Overrides, start: Path, config_dir: Path | None = None
) -> dict[Path, str]:
    """Return the stages of a point, by their folder in the store.

    Args:
        overrides: Overrides that make it this point.
        start: Folder that a relative store is relative to.
        config_dir: Another folder with files of groups.

    Raises:
        UserError, HydraException: If the configuration does not take these overrides any more.
    """
    from tratree.stages.methods import evaluations
    from tratree.store.stage import with_inputs

    config = compose_config(overrides, config_dir)
    stages = evaluations(config).values()
    root = (start / config.store).resolve()
    return {root / stage.name / stage.key: stage.title for stage in with_inputs(stages)}
