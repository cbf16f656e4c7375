"""Running an experiment: a Hydra application."""

from __future__ import annotations

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from tratree.cli.compose import CONFIG_FOLDER
from tratree.config import read_config, register_schema
from tratree.errors import UserError


def main() -> None:
    """Compose the configuration from the command line and run it."""
    register_schema()
    hydra.main(version_base="1.3", config_path=str(CONFIG_FOLDER), config_name="config")(_run)()


def _run(composed: DictConfig) -> None:
    try:
        config = read_config(composed)
        # Heavy imports wait until there is something to run, so that --help answers at once.
        from tratree.pipeline.run import run

        run(config, Path(HydraConfig.get().runtime.output_dir))
    except UserError as error:
        sys.exit(f"error: {error}")  # here, because Hydra adds lines to an error that leaves it
