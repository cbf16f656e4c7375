"""Supervised fine-tuning on episodes."""

from __future__ import annotations

from torch import Tensor

from tratree.data.episodes import Batch
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import token_log_probs


class SFTModule(AdapterModule[Batch]):
    """L_SFT: the mean negative log-likelihood of the agent's tokens of a step."""

    def units(self, batch: Batch) -> int:
        """Return the number of the agent's tokens."""
        return int(batch.agent_mask[:, 1:].sum())

    def sums(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss summed over the agent's tokens."""
        return {"loss": -token_log_probs(self.model, batch.token_ids, batch.agent_mask).sum()}
