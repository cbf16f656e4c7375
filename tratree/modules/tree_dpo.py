"""TreeDPO: direct preference optimisation on pairs from divergence points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from tratree.data.pairs import PairBatch
from tratree.models.adapted import CausalModel
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.settings import DPOSettings, TrainingSettings


def dpo_loss(margins: Tensor, label_smoothing: float) -> Tensor:
    """Return the DPO loss of each pair.

    Args:
        margins: [P] r(σ⁺) − r(σ⁻), with the implicit reward r(σ) = β log π_s(σ)/π_ref(σ).
        label_smoothing: ε, the assumed share of wrong preferences.

    Returns:
        [P] −(1−ε) log σ(margin) − ε log σ(−margin).
    """
    return -(1 - label_smoothing) * logsigmoid(margins) - label_smoothing * logsigmoid(-margins)


class TreeDPOModule(AdapterModule[PairBatch]):
    """L_TreeDPO (section 3.2 of the paper); the reference is the weak model after its SFT.

    The reference's log-probabilities come with the batch: the weak model is not in memory.
    """

    def __init__(self, model: CausalModel, settings: TrainingSettings, dpo: DPOSettings) -> None:
        super().__init__(model, settings)
        self.dpo = dpo

    unit = "pair"

    def units(self, batch: PairBatch) -> int:
        """Return the number of pairs."""
        return len(batch.reference) // 2

    def sums(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the loss and figures of the implicit rewards, summed over the pairs.

        ``accuracy`` counts the pairs whose chosen side has the higher reward; ``margin`` is
        the difference of the rewards.
        """
        log_ratios = sequence_log_probs(self.model, batch.sides) - batch.reference
        if self.dpo.length_normalised:
            log_ratios = log_ratios / batch.sides.counts
        chosen, rejected = (self.dpo.beta * log_ratios).chunk(2)
        margins = chosen - rejected
        return {
            "loss": dpo_loss(margins, self.dpo.label_smoothing).sum(),
            "accuracy": torch.count_nonzero(margins > 0).float(),
            "margin": margins.sum(),
            "chosen_reward": chosen.sum(),
            "rejected_reward": rejected.sum(),
        }
