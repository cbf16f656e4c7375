"""Running an experiment: a Hydra application."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from tratree.cli.arguments import check_arguments
from tratree.cli.checks import check_machine
from tratree.cli.failures import Sweep, list_failures, write_failure
from tratree.composition import CONFIG_FOLDER, check_choices
from tratree.config_reading import read_config, register_defaults
from tratree.errors import UserError
from tratree.large_imports import large_imports
from tratree.report.run_files import FAILURE
from tratree.runs.run_folder import writing
from tratree.store.progress import Progress, duration

log = logging.getLogger(__name__)


def main() -> None:
    """Compose the configuration from the command line and run it, or every point of a sweep.

    Raises:
        UserError: If points of a sweep failed; what each failed of is printed before.
    """
    register_defaults()
    check_arguments(sys.argv[1:])
    check_choices(sys.argv[1:])
    overrides = [argument for argument in sys.argv[1:] if argument not in ("--help", "-h")]
    if len(overrides) < len(sys.argv[1:]) and not any(o.startswith("-") for o in overrides):
        print(_help(overrides).rstrip())
        return
    try:
        with Sweep.taken:
            hydra.main(str(CONFIG_FOLDER), "config", version_base="1.3")(_run)()
    except Exception:
        if Sweep.folder is not None:
            list_failures(Sweep.folder)
        raise
    if Sweep.folder is not None:
        print(f"`tratree summarize {Sweep.folder}` puts the results into one table, with plots")


def _help(overrides: list[str]) -> str:
    """Return what Hydra prints for ``--help``, without the lists of its own that it makes first."""
    with hydra.initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = hydra.compose("config", overrides, return_hydra_config=True)
        return str(composed.hydra.help.template)


def _run(composed: DictConfig) -> None:
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    sweeping = settings.mode is RunMode.MULTIRUN
    os.chdir(settings.runtime.cwd)  # paths are relative to it with hydra.job.chdir=true too
    with writing(folder):
        _run_in(folder, composed, sweeping=sweeping)


def _run_in(folder: Path, composed: DictConfig, *, sweeping: bool) -> None:
    settings = HydraConfig.get()
    (folder / FAILURE).unlink(missing_ok=True)
    try:
        _refuse_several_tasks()
        config = read_config(composed, settings.runtime.choices)
        check_machine(config)
        if config.logger.group is None:
            config = replace(config, logger=replace(config.logger, group=_group()))
        # Heavy imports wait until there is something to run, so that --help answers at once.
        with large_imports():
            from tratree.runs.run import run

        # A job of a cluster has a log of its own, and is followed there.
        one_line = sweeping and "SUBMITIT_EXECUTOR" not in os.environ
        began = time.monotonic()
        results = run(config, folder, Progress(quiet=one_line))
        if one_line:
            seconds = duration(time.monotonic() - began)
            print(f"{_point()}: {_said(results)}; {seconds}", flush=True)
    except Exception as error:
        if sweeping:
            write_failure(folder, error, settings.overrides.task)
            if isinstance(error, UserError):
                print(f"{_point()}: failed: {error}", file=sys.stderr)
            else:
                log.exception("this point failed")
        elif isinstance(error, UserError):
            sys.exit(f"error: {error}")  # here, because Hydra adds lines to an error that leaves it
        raise


def _point() -> str:
    settings = HydraConfig.get()
    return f"point {settings.job.num}, {' '.join(settings.overrides.task)}"


def _said(results: Mapping[str, Any]) -> str:
    """Return the reward of the run's method in one line, and the difference to the baseline."""
    method, compared = results["method"], results["comparisons"]
    parts = []
    for split, figures in results["systems"][method].items():
        part = f"{split} {100 * figures['reward']['mean']:.1f}"
        if method in compared["systems"]:
            difference = compared["systems"][method][split]["reward"]["difference"]["mean"]
            part += f" ({100 * difference:+.1f} to {compared['baseline']})"
        parts.append(part)
    return f"{method} {', '.join([*parts, *results.get('notes', ())])}"


def _refuse_several_tasks() -> None:
    """Raise a `UserError` if submitit runs this point in several processes at once."""
    tasks = os.environ.get("SUBMITIT_LOCAL_NTASKS") or os.environ.get("SLURM_STEP_NUM_TASKS")
    if "SUBMITIT_EXECUTOR" in os.environ and int(tasks or 1) > 1:
        raise UserError(
            f"this point is run by {tasks} tasks at once: set hydra.launcher.tasks_per_node=1; a "
            "run starts its processes itself"
        )


def _group() -> str | None:
    """Return what the runs of a sweep share: the experiment file, or else the sweep's folder."""
    settings = HydraConfig.get()
    experiment: str | None = settings.runtime.choices.get("experiment")
    if experiment is None and settings.mode is RunMode.MULTIRUN:
        return "-".join(Path(settings.sweep.dir).parts[-2:])
    return experiment
