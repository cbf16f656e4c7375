"""Fine-tuning of an explorer that differs from those before it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, nll_loss
from transformers import PreTrainedModel

from tratree.data.padding import Batch
from tratree.models.adapted import CausalModel
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import trained_logits
from tratree.modules.settings import TrainingSettings


class ExplorerModule(AdapterModule[Batch]):
    """L_explore = L_SFT − λ·KL(π_w ‖ π'_explore) (section 3.1 of the paper).

    π_w is the model that is trained. The divergence is that of the next token's distributions,
    at the agent's tokens of the demonstrations, averaged over the explorers before; like L_SFT it
    is a mean over tokens. It has no upper bound: λ far below 1 keeps L_SFT in charge.
    """

    def __init__(
        self,
        model: CausalModel,
        earlier: Sequence[PreTrainedModel],
        kl_weight: float,
        settings: TrainingSettings,
    ) -> None:
        """Set up the training.

        Args:
            model: The base model with its adapter.
            earlier: The explorers before, in evaluation mode; they are not trained.
            kl_weight: λ, at least 0.
            settings: Settings of the training.
        """
        super().__init__(model, settings)
        self._earlier = tuple(earlier)  # in a tuple, so that they are not part of this module
        self._kl_weight = kl_weight

    unit = "token"

    def units(self, batch: Batch) -> int:
        """Return the number of the agent's tokens."""
        return int(batch.agent_mask[:, 1:].sum())

    def sums(self, batch: Batch) -> dict[str, Tensor]:
        """Return loss, its L_SFT and its divergence, each summed over the agent's tokens."""
        ours = _next_token_log_probs(self.model, batch)
        targets = batch.token_ids[:, 1:][batch.agent_mask[:, 1:]]
        sft = nll_loss(ours, targets, reduction="sum")
        divergence = ours.new_zeros(())
        for explorer in self._earlier:
            with torch.no_grad():
                theirs = _next_token_log_probs(explorer, batch)
            divergence = divergence + (ours.exp() * (ours - theirs)).sum() / len(self._earlier)
        loss = sft - self._kl_weight * divergence
        return {"loss": loss, "sft_loss": sft.detach(), "kl": divergence.detach()}


def _next_token_log_probs(model: CausalModel, batch: Batch) -> Tensor:
    """Return the log-probabilities of all V tokens at each of the T agent tokens, [T, V]."""
    return log_softmax(trained_logits(model, batch), dim=-1)
