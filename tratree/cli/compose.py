"""The configuration as the command line composes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tratree.config import Config, read_config, register_schema
from tratree.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries conf/ inside the package; a checkout has it beside the package.
CONFIG_FOLDER = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())


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


def compose_config(overrides: Sequence[str], folder: Path | None = None) -> Config:
    """Return the configuration that a run with `overrides` would have.

    Args:
        overrides: As on the command line.
        folder: Where else to look for files of groups; by default what ``--config-dir`` says.

    Raises:
        UserError, HydraException: If an override is wrong.
    """
    register_schema()
    folder = folder or _outside.folder
    place = [f"hydra.searchpath=['file://{folder}']"] if folder else []
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", overrides=[*place, *overrides], return_hydra_config=True)
    choices = composed.hydra.runtime.choices
    return read_config(OmegaConf.masked_copy(composed, [*composed.keys() - {"hydra"}]), choices)


def describe_composition_error(error: BaseException) -> str:
    """Put what Hydra says of a wrong command line into one line that says what to do."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Could not override"):
        return f"{lines[0]} There is no such key; `--help` lists the keys and groups"
    if error.__cause__ is not None:
        lines += [str(error.__cause__).splitlines()[0]]
    told = [line for line in lines if not line.startswith(("Config search path", "provider="))]
    return " ".join(told)
