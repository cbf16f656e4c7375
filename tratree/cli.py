"""The command line: ``python train.py`` or ``tratree``, both Hydra applications."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tratree.config import read_config, register_schema
from tratree.errors import UserError

PACKAGE = Path(__file__).resolve().parent
# A wheel carries conf/ inside the package; a checkout has it beside the package.
CONFIG_FOLDER = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())


def main() -> None:
    """Run the application; bad input ends in one line on standard error and exit code 1."""
    # Without it Hydra reports errors itself, over several lines.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # Spinning threads make a fine-tuning many times slower when another job shares the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    register_schema()
    application = hydra.main(
        version_base="1.3", config_path=str(CONFIG_FOLDER), config_name="config"
    )(_run)
    try:
        application()
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(f"error: {describe_composition_error(error)}")
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command again to go on from here")


def _run(composed: DictConfig) -> None:
    try:
        config = read_config(composed)
        # Heavy imports wait until there is something to run, so that --help answers at once.
        from tratree.pipeline.run import run

        run(config, Path(HydraConfig.get().runtime.output_dir))
    except UserError as error:
        sys.exit(f"error: {error}")


def describe_composition_error(error: BaseException) -> str:
    """Put what Hydra says of a wrong command line into one line that says what to do."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Could not override"):
        return f"{lines[0]} There is no such key; `--help` lists the keys and groups"
    if error.__cause__ is not None:
        lines += [str(error.__cause__).splitlines()[0]]
    told = [line for line in lines if not line.startswith(("Config search path", "provider="))]
    return " ".join(told)
