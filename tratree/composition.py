"""Composing the configuration of a run from overrides and the files of ``conf/``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from tratree.config import Config
from tratree.config_reading import (
    known_settings,
    possible_values,
    read_config,
    register_defaults,
    unknown_key,
)
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.method_plugins import METHODS
from tratree.words import nearest

PACKAGE = Path(__file__).resolve().parent
# A wheel carries conf/ inside the package; a checkout has it beside the package.
CONFIG_FOLDER = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())


OPTIONAL = ("experiment", "setting", "debug", "hparams_search")
"""Groups that may be left out."""

NO_NAME = re.compile(r"(?i:null|true|false|nan|[-+]?inf|[-+.\d]*(e[-+]?\d+)?)|[\[{].*|_.*")
"""Values that Hydra takes for something else than an option, and helper files."""


@dataclass
class _Outside:
    """The folder of configuration files that ``--config-dir`` of this program named."""

    folder: Path | None = None


_outside = _Outside()


def use_config_dir(folder: Path) -> None:
    """Let `compose_config` also look for files of groups in `folder`, as ``--config-dir`` says.

    Raises:
        UserError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"--config-dir {folder} is no folder: correct the path")
    _outside.folder = folder.absolute()


@contextmanager
def composing() -> Iterator[None]:
    """Let Hydra compose in the block, inside of a running program of Hydra, too."""
    hydra = GlobalHydra.instance()
    running, hydra.hydra = hydra.hydra, None
    try:
        with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = running


def compose_config(overrides: Sequence[str], folder: Path | None = None) -> Config:
    """Return the configuration that a run with `overrides`, as on the command line, would have.

    `folder` is another one with files of groups; by default that of ``--config-dir``.

    Raises:
        UserError, HydraException: If an override is wrong.
    """
    composed = _compose(overrides, folder or _outside.folder)
    return read_config(composed, composed.hydra.runtime.choices)


def _compose(overrides: Sequence[str], folder: Path | None) -> DictConfig:
    register_defaults()
    check_choices(overrides)
    place = [f"hydra.searchpath=['file://{folder}']"] if folder else []
    with composing():
        return compose("config", overrides=[*place, *overrides], return_hydra_config=True)


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Return overrides as Hydra reads them; a ``glob`` among them knows the groups.

    Raises:
        HydraException: If one cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    with composing():
        parser = OverridesParser.create(GlobalHydra.instance().config_loader())
        return parser.parse_overrides(list(overrides))


def sweep_params(overrides: Sequence[str]) -> dict[str, str]:
    """Return what the configuration of a sweep with `overrides` sweeps over, by key.

    Raises:
        UserError, HydraException: If an override is wrong.
    """
    composed = _compose(overrides, _outside.folder)
    return {str(key): str(values) for key, values in (composed.hydra.sweeper.params or {}).items()}


def split_points(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the overrides of each point of a sweep; one if no override has several values.

    What an experiment sweeps over is swept over, unless the overrides say otherwise.

    Raises:
        UserError, HydraException: If an override is wrong.
    """
    # Imported here, because not every command splits a sweep.
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    parsed = parse_overrides(overrides)
    single = [str(one.input_line) for one in parsed if not one.is_sweep_override()]
    params = sweep_params(single)
    given = {one.get_key_element() for one in parsed}
    swept = [f"{key}={values}" for key, values in params.items() if key not in given]
    all_of_them = parse_overrides([*swept, *overrides])
    [points] = BasicSweeper.split_arguments(all_of_them, None)
    if not points:
        raise UserError("there is nothing to plan, as a glob matches no choice: correct it")
    return [tuple(point) for point in points]


def choices(group: str) -> list[str]:
    """Return what may be chosen of a group of ``conf/``; helper files start with an underscore."""
    found = (path.stem for path in (CONFIG_FOLDER / group).glob("*.yaml"))
    return sorted(name for name in found if not name.startswith("_"))


def list_choices() -> str:
    """Return the groups and what may be chosen, ``${choices:}`` in the text of ``--help``."""
    if not {"--help", "-h"} & {*sys.argv}:  # composing evaluates it whether it is shown or not
        return ""
    loader = GlobalHydra.instance().config_loader()
    lines = []
    for group in sorted({*loader.list_groups("")} - {"hydra"}):
        offered = (name for name in loader.get_group_options(group) if name[0] != "_")
        line = f"{group}: {', '.join(offered)}"
        lines.append(fill(line, 80, subsequent_indent="    ", break_on_hyphens=False))
    return "\n".join(lines)


OmegaConf.register_new_resolver("choices", list_choices, replace=True, use_cache=True)


def check_choices(arguments: Sequence[str]) -> None:
    """Check what is chosen where Hydra would fail, or take a helper file.

    Raises:
        UserError: If a choice of a group is null or something else than a name, or a helper file,
            a key is below a list, one is added that has a value, or one of a plug-in that a target
            names is not added.
    """
    known = known_settings()
    lists = {s.key for s in known.values() if isinstance(s.default, tuple | list)}
    targets = [argument for argument in arguments if ".target=" in argument]
    for argument in arguments:
        group, chosen, value = argument.partition("=")
        bare = group.lstrip("+")
        if chosen and bare in ("", "~"):
            raise UserError(f"{argument} names no setting: say KEY=VALUE")
        target = next((t for t in targets if bare.startswith(t.partition("target=")[0])), None)
        if target and group not in known and group == bare:
            raise UserError(f"{argument} is for what {target} names: say +{argument}")
        if not target and group == f"+{bare}" and (bare in known or choices(bare)):
            raise UserError(f"{bare} has a value already: give {argument[1:]}, without the +")
        if argument[:1] == "~" and any(f"{key}.".startswith(f"{group[1:]}.") for key in known):
            raise UserError(f"{argument} leaves out what every run has: set it to another value")
        if group.lstrip("+~").rpartition(".")[0] in lists:
            raise UserError(unknown_key(group))
        if not chosen or not choices(group):
            continue
        for name in value.split(","):
            if NO_NAME.fullmatch(name.strip()):
                without = f", or leave {group} out" if group in OPTIONAL else ""
                raise UserError(
                    f"{argument} is no choice: use one of {', '.join(choices(group))}{without}"
                )


def describe_composition_error(error: BaseException) -> str:
    """Put what Hydra says of a wrong command line into one line that says what to do."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        offered = [option for option in error.options if not option.startswith("_")]
        if any(name in known.names() for known in (ENVIRONMENTS, METHODS) if known.key == group):
            return (
                f"{group}={name} is installed without a file {group}/{name}.yaml: say "
                f"{group}=outside {group}.name={name}"
            )
        return (
            f"{group}={name} is not known: use one of {', '.join(offered)}{nearest(name, offered)}"
        )
    if isinstance(error, OverrideParseException):
        given = " ".join(str(error.override).split())
        return (
            f"{given} cannot be read as KEY=VALUE: put a value with "
            "signs such as ~ ( = or spaces into quotes, and all into quotes for the shell: "
            "'KEY=\"VALUE\"'"
        )
    if found := re.match(r"Error merging override \+*([^=\s]+)=(.*)", str(error)):
        key, value = found.groups()
        if needed := possible_values(key):
            return f"{key}={value} is not possible: it must be {needed}"
    if found := re.match(r"Could not delete from config. '([^']+)'", str(error)):
        return f"~{found.group(1)} leaves out nothing: set it to another value instead"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if found := re.match(
        r"(?:Could not override|Could not append to config.*) '([^']+)'", str(error)
    ):
        return unknown_key(found.group(1))
    if error.__cause__ is not None:
        lines += [str(error.__cause__).splitlines()[0]]
    told = [line for line in lines if not line.startswith(("Config search path", "provider="))]
    return " ".join(told)
