"""The keys of ``hydra/launcher=slurm``; their values and meaning are in ``conf/``."""

# No `from __future__ import annotations`: Hydra loads this module without entering it in
# sys.modules, where dataclasses look for what an annotation given as text means.

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf


@dataclass
class SlurmLauncherConfig(SlurmQueueConf):
    """Those of ``submitit_slurm``, ``wait``, and submitit's ``srun_args``."""

    _target_: str = "hydra_plugins.tratree_slurm_launcher.launcher.SlurmLauncher"
    wait: bool = True
    srun_args: list[str] | None = None


ConfigStore.instance().store(
    group="hydra/launcher", name="slurm_schema", node=SlurmLauncherConfig, provider="tratree"
)
