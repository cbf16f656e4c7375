"""Chooses between running an experiment and the other commands; turns errors into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from tratree.cli.arguments import ArgumentParser
from tratree.composition import describe_composition_error, use_config_dir
from tratree.composition_checks import refuse_credentials
from tratree.errors import UserError

CONFIG_DIR = "--config-dir"
"""The option that names one more folder of configuration files, as Hydra has it for a run."""

INTERRUPTED = 128 + 2
"""Exit code after Ctrl-C, as shells have it for SIGINT."""

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "check-model": "try whether the models of a family are as they must be",
        "conversation": "print an episode as the model reads it, prompt included",
        "convert": "convert published trajectories, and play them again",
        "dashboard": "make a W&B workspace for the runs of a project",
        "evaluate": "let any model play the tasks that runs are evaluated on",
        "export": "write a trained model to a folder that other programs load",
        "panel": "write the lists of these tasks, or compare results on them",
        "play": "play a task in the terminal",
        "plugins": "list the installed environments and methods",
        "progress": "show how far a sweep has come",
        "publish-trees": "upload the trajectory trees of a run to the Hugging Face Hub",
        "report": "put all there is of a run on one HTML page",
        "settings": "list all settings: values, default and meaning",
        "summarize": "put the results of a sweep into one table, with plots",
        "store": "list, check, repair and prune the stages of a store",
        "tasks": "list an environment's splits and tasks",
        "view": "show the trajectory trees of a run as an HTML page",
    }
)
"""Names of the commands other than running an experiment, and what they do.

Command ``name`` is ``main(arguments)`` of module ``tratree.cli.name``, with ``_`` for ``-``.
"""


def main() -> None:
    """Run a command; bad input ends in one line on standard error and exit code 1."""
    # Without it Hydra reports errors itself, over several lines.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # Spinning threads make a fine-tuning many times slower when another job shares the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        refuse_credentials(sys.argv[1:])  # before an error about the arguments repeats them
        if name in COMMANDS:
            import_module(f"tratree.cli.{name.replace('-', '_')}").main(
                _without_config_dir(sys.argv[2:])
            )
        else:
            import_module("tratree.cli.train").main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(f"error: {describe_composition_error(error)}")
    except KeyboardInterrupt:
        print("stopped; run the same command again to resume", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _without_config_dir(arguments: list[str]) -> list[str]:
    """Return the arguments of a command but ``--config-dir FOLDER``, which all commands take."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, prog="tratree")
    parser.add_argument(CONFIG_DIR, "-cd", type=Path)
    found, others = parser.parse_known_args(arguments)
    if found.config_dir is not None:
        use_config_dir(found.config_dir)
    return others
