"""All points of a sweep, checked and counted before the first one starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.cli.planned import Overrides, swept
from tratree.composition import compose_config, describe_composition_error
from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.methods import evaluations
from tratree.stages.tasks import check_counts
from tratree.store.finished import expected_seconds, finished_seconds
from tratree.store.progress import duration
from tratree.store.stage import Stage, with_inputs
from tratree.store.store import unfinished_stages
from tratree.words import counted


def announce(composed: DictConfig, check: Callable[[Config], None]) -> None:
    """Check every point of a sweep, and say how much there is to compute.

    A sweep whose points are chosen as it goes is left alone.

    Args:
        composed: Its configuration with Hydra's own part, as a callback gets it.
        check: Checks the configuration of a point against this machine.

    Raises:
        UserError: If a point cannot run; each one and its reason are printed before.
    """
    hydra = composed.hydra
    if not hydra.sweeper._target_.endswith(BasicSweeper.__name__):
        return
    points = _points(hydra)
    experiment = hydra.runtime.choices.get("experiment")
    name = f"experiment={experiment}" if experiment else "this"
    print(
        f"{name} is a sweep of {counted(len(points), 'point')}: checking",
        file=sys.stderr,
        flush=True,
    )
    sources = hydra.runtime.config_sources
    folder = next((Path(s.path) for s in sources if s.provider == "command-line"), None)
    places = [o for o in hydra.overrides.hydra if o.startswith("hydra.searchpath=")]
    configs = _checked([(*places, *point) for point in points], folder, check)
    print(
        f"{_work(configs)}; `tratree progress {hydra.sweep.dir}` shows how far it has come",
        file=sys.stderr,
        flush=True,
    )


def _points(hydra: DictConfig) -> list[list[str]]:
    try:
        [points] = BasicSweeper.split_arguments(swept(hydra), None)
    except (HydraException, ValueError) as error:
        said = describe_composition_error(error)
        raise UserError(f"this sweep has no points ({said}): correct its values") from error
    if not points:
        raise UserError("this sweep has no points, as a glob matches no choice: correct it")
    sweep: Any = OmegaConf.to_container(hydra.sweep, resolve=False)
    subdir = sweep["subdir"]
    if len(points) > 1 and "${" not in str(subdir):
        raise UserError(
            f"hydra.sweep.subdir={subdir} is one folder for {len(points)} points, whose results "
            "would replace each other: leave it out"
        )
    return points


def _checked(
    points: Sequence[Overrides], folder: Path | None, check: Callable[[Config], None]
) -> list[Config]:
    configs: list[Config] = []
    wrong: dict[str, list[Overrides]] = {}
    for point in points:
        try:
            config = compose_config(point, folder)
            check(config)
            numbers = config.env.task_numbers()
            for stage in _missing(config):
                check_counts(stage, numbers.get)
            configs.append(config)
        except (UserError, HydraException, OmegaConfBaseException) as error:
            wrong.setdefault(describe_composition_error(error), []).append(point)
    for said, (first, *others) in wrong.items():
        more = f" and {len(others)} more" if others else ""
        shown = " ".join(o for o in first if not o.startswith("hydra.searchpath="))
        print(f"cannot run: {shown}{more}: {said}", file=sys.stderr)
    if wrong:
        raise UserError(
            f"{sum(map(len, wrong.values()))} of {counted(len(points), 'point')} cannot run, as "
            "listed above; none was started"
        )
    return configs


def _missing(config: Config) -> list[Stage]:
    return unfinished_stages(Path(config.store).absolute(), evaluations(config).values())


def _work(configs: Iterable[Config]) -> str:
    """Say how many stages there are to compute, each once, and how long that may take."""
    every: dict[Path, Stage] = {}
    missing: dict[Path, tuple[Path, Stage]] = {}
    for config in configs:
        root, evaluated = Path(config.store).absolute(), evaluations(config).values()
        every |= {root / s.name / s.key: s for s in with_inputs(evaluated)}
        for stage in _missing(config):
            missing[root / stage.name / stage.key] = root, stage
    said = f"{len(missing)} of {counted(len(every), 'stage')} to compute"
    if not missing:
        return said
    finished = {
        place: finished_seconds(*place) for place in {(r, s.name) for r, s in missing.values()}
    }
    seconds = [expected_seconds(s.settings, finished[r, s.name]) for r, s in missing.values()]
    known = [s for s in seconds if s is not None]
    unknown = len(seconds) - len(known)
    if known:
        said += f", about {duration(sum(known))} of work"
        said += f" and an unknown time for {unknown} of them" if unknown else ""
    else:
        said += ", for a time that is not known yet"
    return said
