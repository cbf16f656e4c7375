"""Facts that a run is told about the sweep it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton

from tratree.cli.train import _group
from tratree.composition import CONFIG_FOLDER
from tratree.config_reading import register_defaults


@pytest.fixture(autouse=True)
def _hydra_is_left_as_it_was() -> Iterator[None]:
    state = Singleton.get_state()
    yield
    Singleton.set_state(state)


@pytest.mark.parametrize(
    ("overrides", "group"),
    [
        (["experiment=beta_sweep", "seed=1"], "beta_sweep"),
        (["hydra.mode=MULTIRUN", "hydra.sweep.dir=multirun/a-day/a-time"], "a-day-a-time"),
        ([], None),
    ],
)
def test_runs_are_grouped_by_experiment_or_else_by_sweep(
    overrides: list[str], group: str | None
) -> None:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", overrides=overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(composed)
    assert _group() == group
