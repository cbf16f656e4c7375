"""Chooses between running an experiment and the other commands; turns errors into one line.

Only what every command needs is imported here, so that each one's first word comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from tratree.credentials import refuse_credentials
from tratree.errors import UserError
from tratree.files import check_output

CONFIG_DIR = "--config-dir"
"""The option that names one more folder of configuration files, as Hydra has it for a run."""

INTERRUPTED = 128 + 2
"""Exit code after Ctrl-C, as shells have it for SIGINT."""

RUN = "run"

GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "before a run": {
            "settings": "list all settings: values, default and meaning",
            "tasks": "list an environment's splits and tasks",
            "play": "play a task in the terminal",
            "conversation": "print an episode as the model reads it, prompt included",
            "check-model": "try whether the models of a family are as they must be",
            "plan": "estimate the memory, tokens and hours of a run or a sweep",
            "plugins": "list the installed environments and methods",
        },
        "results": {
            "report": "put all there is of a run on one HTML page",
            "view": "show the trajectory trees of a run as an HTML page",
            "progress": "show how far a sweep has come",
            "summarize": "put the results of a sweep into one table, with plots",
            "dashboard": "make a W&B workspace for the runs of a project",
        },
        "models and data": {
            "export": "write a trained model to a folder that other programs load",
            "evaluate": "let any model play the tasks that runs are evaluated on",
            "panel": "write the lists of these tasks, or compare results on them",
            "convert": "convert published trajectories, and play them again",
            "publish-trees": "upload the trajectory trees of a run to the Hugging Face Hub",
        },
        "this machine": {
            "store": "list, check, repair and prune the stages of a store",
            "completion": "print what lets bash, zsh or fish complete these words",
        },
    }
)
"""Names of the commands other than running an experiment, by group, and what they do.

Command ``name`` is ``main(arguments)`` of module ``tratree.cli.name``, with ``_`` for ``-``; it
raises a `UserError` for bad input.
"""

COMMANDS = MappingProxyType(
    {name: said for group in GROUPS.values() for name, said in group.items()}
)


def main(*, alone: str = "--help") -> None:
    """Run a command; bad input ends in one line on standard error and exit code 1.

    Args:
        alone: Meaning of no arguments at all.
    """
    _fill_closed_streams()
    # Without it Hydra reports errors itself, over several lines.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # Spinning threads make a fine-tuning many times slower when another job shares the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    name = sys.argv[1] if len(sys.argv) > 1 else alone
    if name == "--version":
        from importlib.metadata import version

        print(f"tratree {version('tratree')}")
    elif name in ("--help", "-h", "help") and alone == "--help":
        print(help_text())
    else:
        _command(name)


def _fill_closed_streams() -> None:
    """Open the null device for streams that are closed, as by ``>&-``.

    The next file would get the number of such a stream, and what a library prints.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115


def _command(name: str) -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        sys.exit("error: the current folder was deleted: change to one that exists")
    try:
        refuse_credentials(sys.argv[1:])  # before an error about the arguments repeats them
        if name in COMMANDS:
            import_module(f"tratree.cli.{name.replace('-', '_')}").main(
                _without_config_dir(sys.argv[2:])
            )
        else:
            _run(name)
    except UserError as error:
        sys.exit(f"error: {error}")
    except Exception as error:
        sys.exit(_described(error))
    except KeyboardInterrupt:
        again = "" if name == "play" else "; run the same command again to resume"
        print(f"stopped{again}", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _described(error: Exception) -> str | int:
    """Return the line about a wrong configuration or output, or an exit code; raise all else."""
    # Imported here: a command's help needs no Hydra.
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, (HydraException, OmegaConfBaseException)):
        from tratree.composition import describe_composition_error

        return f"error: {describe_composition_error(error)}"
    if isinstance(error, OSError):
        try:
            check_output()
        except BrokenPipeError:
            return 1
        except UserError as of_output:
            return f"error: {of_output}"
    raise error


def _run(name: str) -> None:
    _say_at_once()
    if name == RUN:
        del sys.argv[1:2]
    elif "=" not in name and name[:1] not in ("-", "+", "~"):
        from tratree.words import nearest

        raise UserError(
            f"`{name}` is no command and no KEY=VALUE"
            f"{nearest(name, (RUN, *COMMANDS)) or ': `tratree --help` lists the commands'}"
        )
    import_module("tratree.cli.train").main()


def _say_at_once() -> None:
    """Tell a person that something happens while Hydra is imported."""
    asked = {"--help", "-h", "--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion"}
    if sys.stderr.isatty() and not asked & {*sys.argv}:
        print("tratree: reading the configuration", file=sys.stderr, flush=True)


def help_text() -> str:
    """Return what `tratree` alone prints."""
    lines = [
        "tratree: weak-to-strong generalization with failure trajectories",
        "",
        "usage: tratree COMMAND ...   (each has --help)",
        "",
        "run an experiment",
        f"  {RUN:<14} the main job, or others such as run env=webshop method=tree_dpo",
    ]
    for title, commands in GROUPS.items():
        lines += ["", title, *(f"  {name:<14} {said}" for name, said in commands.items())]
    return "\n".join([*lines, "", "`tratree --version` says which version this is."])


def _without_config_dir(arguments: list[str]) -> list[str]:
    """Return the arguments of a command but ``--config-dir FOLDER``, which all commands take."""
    from tratree.cli.arguments import ArgumentParser

    parser = ArgumentParser(add_help=False, allow_abbrev=False, prog="tratree")
    parser.add_argument(CONFIG_DIR, "-cd", type=Path)
    found, others = parser.parse_known_args(arguments)
    if found.config_dir is not None:
        from tratree.composition import use_config_dir  # which brings Hydra

        use_config_dir(found.config_dir)
    return others
