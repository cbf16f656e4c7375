"""Stages of an earlier run, computed again from the configuration that its folder keeps."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tratree.config_reading import read_config
from tratree.documents import read_yaml
from tratree.errors import UserError
from tratree.runs.run import open_store
from tratree.stages.methods import evaluations
from tratree.store.progress import Progress
from tratree.store.stage import with_inputs

CONFIG = Path(".hydra", "config.yaml")


def compute_again(run: Path, root: Path, places: Iterable[str]) -> list[str]:
    """Compute stages of a run that are not in the store any more, with their inputs.

    Args:
        run: The run folder, of the user of this process: a configuration can name code.
        root: Of the store.
        places: ``name/key`` of the stages.

    Returns:
        Those of `places` that are finished now; others are not of this run, as its configuration
        is read today.

    Raises:
        UserError: If the run folder is of another user or does not tell, or a stage fails.
    """
    if run.exists() and run.stat().st_uid != os.getuid():
        raise UserError(f"{run} is the run of another user")
    missing = f"{run} has no {CONFIG}"
    written = read_yaml(run / CONFIG, dict[str, Any], "give another run folder", missing)
    config = read_config(OmegaConf.create({**written, "store": str(root)}))
    wanted = set(places)
    stages = with_inputs(evaluations(config).values())
    stages = [stage for stage in stages if f"{stage.name}/{stage.key}" in wanted]
    store = open_store(config, Progress())
    with store.using(stages):
        for stage in stages:
            store.ensure(stage)
    return sorted({f"{stage.name}/{stage.key}" for stage in stages})
