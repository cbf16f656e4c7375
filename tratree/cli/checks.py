"""Checks of what the configuration and the disk tell before a run; imports nothing heavy."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tratree.config import Config
from tratree.config_reading import read_config
from tratree.errors import UserError
from tratree.files import disk_reason
from tratree.models.names import check_folder, local_folder
from tratree.models.settings import LoraSettings
from tratree.tracking.settings import LONGEST_TAG
from tratree.trajectory.reading.read import check_trajectory_files

WANDB_FOLDERS = ("WANDB_DATA_DIR", "WANDB_CACHE_DIR")
"""Variables that name folders which W&B writes files of artifacts to."""

WANDB_MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")


class Checks(Callback):
    """Hydra's callback that refuses bad input before Hydra makes the run's folder."""

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """Check the configuration of a run, and its folder."""
        try:
            check_machine(read_config(config, config.hydra.runtime.choices))
            check_writable(str(config.hydra.run.dir), "hydra.run.dir")
        except UserError as error:
            sys.exit(f"error: {error}")  # Hydra turns another exception here into a warning
        except OmegaConfBaseException as error:
            sys.exit(f"error: hydra.run.dir: {' '.join(str(error).split())}")

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Check the launcher and folder of a sweep, and all its points."""
        from tratree.cli.announced import announce  # which needs all stages

        try:
            _check_launcher(config.hydra.launcher)
            _check_sweeper(config.hydra.sweeper)
            check_writable(str(config.hydra.sweep.dir), "hydra.sweep.dir")
            announce(config, check_machine)
        except UserError as error:
            sys.exit(f"error: {error}")
        except OmegaConfBaseException as error:
            sys.exit(f"error: a hydra.* setting of the sweep: {' '.join(str(error).split())}")


def _check_launcher(launcher: DictConfig) -> None:
    tasks = launcher.get("tasks_per_node") or 1
    if tasks != 1:
        raise UserError(
            f"hydra.launcher.tasks_per_node={tasks} would run every point {tasks} times at once: "
            "set it to 1; a run starts its processes itself"
        )


def _check_sweeper(sweeper: DictConfig) -> None:
    size = sweeper.get("max_batch_size")
    if size is not None and size < 1:
        raise UserError(
            f"hydra.sweeper.max_batch_size={size} is no number of points from 1: correct it, or "
            "leave it out"
        )


def check_machine(config: Config) -> None:
    """Check the files and folders that a configuration names.

    Raises:
        UserError: If one is not there or can't be made.
    """
    check_writable(config.store, "store")
    model = config.model
    revisions = {f"model.{role}.name": getattr(model, role).revision for role in ("weak", "strong")}
    encoder = {"tree.encoder": config.tree.encoder} if config.tree.similarity == "minilm" else {}
    for key, name in {
        "model.weak.name": model.weak.name,
        "model.strong.name": model.strong.name,
        **encoder,
    }.items():
        folder = local_folder(name)
        if folder is not None:
            if revisions.get(key) is not None:
                raise UserError(
                    f"{key.replace('.name', '.revision')}={revisions[key]} is of a Hub id, but "
                    f"{key}={name} is a folder: leave the revision out"
                )
            try:
                check_folder(name, folder)
            except UserError as error:
                raise UserError(f"{key}: {error}") from None
            if model.lora is not None and key != "tree.encoder":
                _check_rank(model.lora.rank, name, folder)
    if config.expert.demonstrations is not None:
        _check_demonstrations(config.expert.demonstrations, config.env.name)
    if config.logger.name == "wandb":
        _check_wandb(config)


def _check_rank(rank: int, name: str, folder: Path) -> None:
    try:
        width = json.loads((folder / "config.json").read_bytes())["hidden_size"]
    except (ValueError, LookupError, TypeError):
        return  # loading says what is wrong with it
    # The default is left alone: bases of a few numbers are tried with it, too.
    if isinstance(width, int) and rank > max(width, LoraSettings().rank):
        raise UserError(
            f"model.lora.rank={rank} is more than {name} is wide: set it to at most {width}, which "
            "is as free as training all weights (model.lora=null)"
        )


@cache
def _check_demonstrations(path: str, environment: str) -> None:
    if not (Path(path).is_file() or Path(path).is_dir()):
        raise UserError(
            f"expert.demonstrations={path} is no file or folder of trajectories: correct the path"
        )
    try:
        check_trajectory_files(Path(path), environment)
    except UserError as error:
        raise UserError(f"expert.demonstrations: {error}") from None


def check_writable(folder: str, key: str) -> None:
    """Make a file in a folder, or where it would be made; nothing is left there.

    Raises:
        UserError: If that is not possible, or no folder is named.
    """
    if not folder:
        raise UserError(f"{key}= names no folder: give one, or leave {key} out")
    try:
        with tempfile.TemporaryFile(dir=_first_there(Path(folder).absolute())):
            pass
    except (OSError, ValueError) as error:
        reason = disk_reason(error, folder) if isinstance(error, OSError) else error
        raise UserError(
            f"{key}={folder} can't be written ({reason}): set {key} to a folder of yours"
        ) from error


def _first_there(path: Path) -> Path:
    """Return a path, or the nearest folder above it that exists."""
    try:
        path.lstat()
    except FileNotFoundError:
        return _first_there(path.parent)
    return path


def _check_wandb(config: Config) -> None:
    mode = os.environ.get("WANDB_MODE", "online")
    if mode not in WANDB_MODES:
        raise UserError(f"WANDB_MODE={mode} is not known: use one of {', '.join(WANDB_MODES)}")
    for name in WANDB_FOLDERS:
        if folder := os.environ.get(name):
            check_writable(folder, name)
    for key in ("env", "method", "model"):
        name = getattr(config, key).name
        if len(name) > LONGEST_TAG:
            raise UserError(f"{key}.name={name}: W&B takes at most {LONGEST_TAG} letters")
