"""Supervised fine-tuning on episodes."""

from __future__ import annotations

from torch import Tensor

from tratree.data.episodes import Batch
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import token_log_probs


class SFTModule(AdapterModule):
    """L_SFT: the mean negative log-likelihood of the agent's tokens in a batch."""

    def training_step(self, batch: Batch, _: int) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        return {"loss": -token_log_probs(self.model, batch.token_ids, batch.agent_mask).mean()}
