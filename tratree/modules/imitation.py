"""Imitation: supervised fine-tuning on episodes, and on the paths that MCTS found."""

from __future__ import annotations

from torch import Tensor

from tratree.data.packing import Pack
from tratree.data.padding import Batch
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import token_log_probs


class SFTModule(AdapterModule[Batch | Pack]):
    """L_SFT: the mean negative log-likelihood of the agent's tokens of a step."""

    unit = "token"

    def units(self, batch: Batch | Pack) -> int:
        """Return the number of the agent's tokens."""
        return int(batch.counts.sum())

    def sums(self, batch: Batch | Pack) -> dict[str, Tensor]:
        """Return the loss summed over the agent's tokens."""
        return {"loss": -token_log_probs(self.model, batch).sum()}


class MCTSImitationModule(SFTModule):
    """L_MCTS = −1/|D_e*| Σ_e* Σ_t log π_s(a*_t | context*_t) (section 3.3 of the paper).

    The actions' log-probabilities are summed over a path and averaged over paths, so that a long
    path weighs more than a short one. `SFTModule` on the same paths averages over tokens instead.
    ``tokens`` of a step is the mean number of the agent's tokens of a path, so that its loss per
    token, which compares with `SFTModule`'s, is ``loss / tokens``.
    """

    unit = "path"

    def units(self, batch: Batch | Pack) -> int:
        """Return the number of paths."""
        return len(batch.counts)

    def sums(self, batch: Batch | Pack) -> dict[str, Tensor]:
        """Return the loss summed over the agent's tokens, and their number."""
        sums = super().sums(batch)
        return {**sums, "tokens": batch.counts.sum().to(sums["loss"])}
