"""``logger=…``: destinations of metrics in addition to the store's files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tratree.settings import Text, Whole, settings

LONGEST_TAG = 64
"""Most letters of a tag that W&B takes."""

Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]


@settings
class LoggerSettings:
    """All keys but `name` are of logger=wandb; `project` and `group` are of trackio, too."""

    name: Literal["none", "csv", "tensorboard", "trackio", "wandb"]
    """none: metrics go to the local JSONL files only; csv and tensorboard: curves and results in
    the run folder; trackio: the same in trackio's folder, without an account; wandb: Weights &
    Biases."""

    project: Text = "tratree"
    """Project of W&B or trackio."""

    entity: Text | None = None
    """User or team; null: your own."""

    group: Text | None = None
    """Name of what is shown together; null: the experiment's name, or else the sweep."""

    job_type: Text | None = None
    """Null: the method's name."""

    tags: tuple[Tag, ...] = ()
    """In addition to environment, method, model and seed."""

    offline: bool = False
    """Write to the run folder only; `wandb sync FOLDER/wandb/offline-run-*` uploads it later."""

    artifacts: bool = True
    """Keep trees and adapters as artifacts."""

    trajectories: Whole = 20
    """Trajectories of each system and split in the table of trajectories."""

    trees: Whole = 3
    """Trees that are drawn, of tasks with different scores."""
