"""Checks of what Hydra has composed, before it acts on it: no code, and no secret.

Hydra calls what ``_target_`` names, and logging what ``()`` and ``class`` name: with a folder of
others' configuration files that is their code. Only what this project itself names is called.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from tratree.credentials import refuse_credentials
from tratree.errors import UserError

_CALLBACKS = ("tratree.cli.checks.Checks", "tratree.cli.failures.Sweep")
_HANDLERS = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler")
_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
_PLUGINS = ("hydra.launcher", "hydra.sweeper")
"""Hydra itself takes nothing there but classes of installed plugins."""


def check_compositions() -> None:
    """Check from now on all that Hydra composes in this process."""
    load = ConfigLoaderImpl.load_configuration
    if hasattr(load, "__wrapped__"):
        return

    @functools.wraps(load)
    def checked(*args: Any, **kwargs: Any) -> DictConfig:
        try:
            composed = load(*args, **kwargs)
        except (YAMLError, UnicodeError, RecursionError) as error:
            said = " ".join(str(error).split())
            raise UserError(
                f"a file of the configuration cannot be read ({said}): correct the one that was "
                "written or chosen last"
            ) from error
        refuse_code(composed)
        refuse_credentials([f"{'.'.join(path)}={value}" for path, value in _leaves(composed)])
        return composed

    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]


def refuse_code(composed: DictConfig) -> None:
    """Check that the configuration has nothing called but what this project names.

    Raises:
        UserError: If it has.
    """
    for path, value in _leaves(composed):
        *place, name = path
        where = ".".join(path)
        logs = place[:2] in (["hydra", "job_logging"], ["hydra", "hydra_logging"])
        if name == "_target_":
            known = (
                value in _CALLBACKS
                if place[:2] == ["hydra", "callbacks"]
                else ".".join(place) in _PLUGINS
            )
        elif logs and name == "class":
            known = value in _HANDLERS
        elif isinstance(value, str) and logs and value.startswith(("ext://", "cfg://")):
            known = value in _STREAMS
        else:
            known = not (logs and name == "()")
        if not known:
            raise UserError(
                f"{where}={value} would run code that a configuration file names: remove it; "
                f"of callbacks only {', '.join(_CALLBACKS)} are taken"
            )


def _leaves(composed: DictConfig) -> Iterator[tuple[list[str], Any]]:
    """Yield every value with the keys that lead to it; interpolations as they are written."""
    waiting: list[tuple[list[str], Any]] = [([], OmegaConf.to_container(composed, resolve=False))]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [([*path, str(key)], below) for key, below in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [([*path, str(index)], below) for index, below in enumerate(value)]
        else:
            yield path, value
