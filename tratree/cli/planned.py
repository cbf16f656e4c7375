"""The points that a sweep is going to run, and the stages that they will need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from tratree.cli.compose import compose_config
from tratree.errors import UserError
from tratree.report.sweep import read_yaml

PLAN = "multirun.yaml"
"""What a sweeper writes into the folder of a sweep when it starts: Hydra's own, and ours."""

Overrides = tuple[str, ...]


def planned_points(plan: Path) -> list[Overrides] | None:
    """Return the overrides of every point that file `plan` of a sweep stands for.

    None if that is not known beforehand: another sweeper chooses points as it goes, as a search
    does (`planned_runs`).

    Raises:
        UserError: If the plan is damaged.
    """
    try:
        hydra = read_yaml(plan)["hydra"]
        if not hydra["sweeper"]["_target_"].endswith(BasicSweeper.__name__):
            return None
        [points] = BasicSweeper.split_arguments(_overrides(hydra), None)
    except (LookupError, TypeError, HydraException) as error:
        raise UserError(f"{plan} is damaged ({error}): start the sweep again") from error
    return [tuple(point) for point in points]


def planned_runs(plan: Path) -> int | None:
    """Return how many runs the search of file `plan` will have: one for each trial and seed.

    None if it is another sweeper's.

    Raises:
        UserError: If the plan is damaged.
    """
    try:
        hydra = read_yaml(plan)["hydra"]
        if not hydra["sweeper"]["_target_"].endswith(".TuningSweeper"):
            return None
        of_key = {override.get_key_element(): override for override in _overrides(hydra)}
        seed = of_key.get("seed")
        seeds = list(seed.sweep_string_iterator()) if seed and seed.is_discrete_sweep() else [seed]
        return int(hydra["sweeper"]["n_trials"]) * len(seeds)
    except (LookupError, TypeError, HydraException) as error:
        raise UserError(f"{plan} is damaged ({error}): start the search again") from error


def _overrides(hydra: Mapping[str, Any]) -> list[Override]:
    params = [f"{key}={value}" for key, value in (hydra["sweeper"]["params"] or {}).items()]
    return OverridesParser.create().parse_overrides([*params, *hydra["overrides"]["task"]])


def launched_from(plan: Path) -> Path:
    """Return the folder that relative paths of the sweep's configuration start from."""
    return Path(read_yaml(plan)["hydra"]["runtime"]["cwd"])


@cache
def planned_identity(overrides: Overrides) -> str:
    """Return what a point that will run is known by, as `Point.identity`.

    Raises:
        UserError, HydraException: As `planned_stages`.
    """
    from tratree.runs.identity import point_identity

    return point_identity(asdict(compose_config(overrides)))


@cache
def planned_stages(overrides: Overrides, start: Path) -> dict[Path, str]:
    """Return the stages of a point, by their folder in the store.

    Args:
        overrides: What makes it this point.
        start: What a relative store is relative to.

    Raises:
        UserError, HydraException: If the configuration no longer takes these overrides.
    """
    from tratree.stages.methods import evaluations
    from tratree.store.stage import with_inputs

    config = compose_config(overrides)
    stages = evaluations(config).values()
    root = (start / config.store).resolve()
    return {root / stage.name / stage.key: stage.title for stage in with_inputs(stages)}
