"""Sharding of a model over several devices (FSDP2), with adapter-only checkpoints."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from tratree.models.adapted import CausalModel, base_of
from tratree.modules.checkpoint import SafeCheckpointIO


class ShardedStrategy(ModelParallelStrategy):
    """Fully sharded data parallelism: each device holds its part of every weight."""

    def __init__(self, devices: int) -> None:
        super().__init__(
            data_parallel_size=devices, tensor_parallel_size=1, save_distributed_checkpoint=False
        )

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Return the trained weights as whole tensors on the first rank, nothing on others."""
        options = StateDictOptions(
            full_state_dict=True, cpu_offload=True, ignore_frozen_params=True
        )
        assert self.model is not None
        return get_model_state_dict(self.model, options=options)

    def load_checkpoint(
        self, checkpoint_path: Any, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Restore weights and optimizer; return the rest, and which weights there were.

        Raises:
            UserError: If the file is damaged.
        """
        names = SafeCheckpointIO().load_checkpoint(checkpoint_path)["state_dict"]
        rest = super().load_checkpoint(checkpoint_path, weights_only)
        return {**rest, "state_dict": dict.fromkeys(names)}


def shard(model: CausalModel, mesh: DeviceMesh) -> None:
    """Spread the weights of `model` over `mesh`, each transformer layer gathered on its own."""
    layers = base_of(model)._no_split_modules or ()
    for module in list(model.modules()):
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
