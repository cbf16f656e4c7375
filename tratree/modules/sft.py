"""Supervised fine-tuning on episodes."""

from __future__ import annotations

from torch import Tensor

from tratree.data.episodes import Batch
from tratree.data.packing import Pack
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import token_log_probs


class SFTModule(AdapterModule[Batch | Pack]):
    """L_SFT: the mean negative log-likelihood of the agent's tokens of a step."""

    def units(self, batch: Batch | Pack) -> int:
        """Return the number of the agent's tokens."""
        return int(batch.counts.sum())

    def sums(self, batch: Batch | Pack) -> dict[str, Tensor]:
        """Return the loss summed over the agent's tokens."""
        return {"loss": -token_log_probs(self.model, batch).sum()}
