"""The keys of ``hydra/sweeper=tuning``; their values and meaning are in ``conf/``."""

# No `from __future__ import annotations`: Hydra loads this module without entering it in
# sys.modules, where dataclasses look for what an annotation given as text means.

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class TuningSweeperConfig:
    """Keys as in hydra-optuna-sweeper where it has the same, and ``at_most``."""

    _target_: str = "hydra_plugins.tratree_tuning_sweeper.sweeper.TuningSweeper"
    n_trials: int = 20
    n_jobs: int = 1
    seed: int = 0
    n_startup_trials: int = 8
    params: dict[str, Any] = field(default_factory=dict)
    at_most: dict[str, str] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="tuning_schema", node=TuningSweeperConfig, provider="tratree"
)
