"""The configuration as the command line composes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir

from tratree.config import Config, read_config, register_defaults

PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries conf/ inside the package; a checkout has it beside the package.
CONFIG_FOLDER = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())


def compose_config(overrides: Sequence[str]) -> Config:
    """Return the configuration that a run with `overrides` would have.

    Raises:
        UserError, HydraException: If an override is wrong.
    """
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return read_config(compose("config", overrides=list(overrides)))


def describe_composition_error(error: BaseException) -> str:
    """Put what Hydra says of a wrong command line into one line that says what to do."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Could not override"):
        return f"{lines[0]} There is no such key; `--help` lists the keys and groups"
    if error.__cause__ is not None:
        lines += [str(error.__cause__).splitlines()[0]]
    told = [line for line in lines if not line.startswith(("Config search path", "provider="))]
    return " ".join(told)
