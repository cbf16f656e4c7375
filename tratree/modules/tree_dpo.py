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


def dpo_loss(chosen: Tensor, rejected: Tensor, dpo: DPOSettings) -> Tensor:
    """Return the loss of each pair, as TRL's ``loss_type`` of the same name defines it.

    Args:
        chosen: [P] r(σ⁺), the implicit reward r(σ) = β log π_s(σ)/π_ref(σ).
        rejected: [P] r(σ⁻).
        dpo: β, ε (label_smoothing) and the loss. With the margin m = r(σ⁺) − r(σ⁻):
            sigmoid is −(1−ε) log σ(m) − ε log σ(−m), the DPO loss (paper);
            robust is (−(1−ε) log σ(m) + ε log σ(−m)) / (1−2ε), unbiased under wrong pairs;
            hinge is max(0, 1 − m); ipo is ((m − 1/2) / β)²;
            apo_zero is 1 − σ(r(σ⁺)) + σ(r(σ⁻)); apo_down is σ(r(σ⁺)) + 1 − σ(m).

    Returns:
        [P].
    """
    margin, smoothing = chosen - rejected, dpo.label_smoothing
    match dpo.loss:
        case "sigmoid":
            return -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)
        case "robust":
            right, wrong = logsigmoid(margin), logsigmoid(-margin)
            return (smoothing * wrong - (1 - smoothing) * right) / (1 - 2 * smoothing)
        case "hinge":
            return (1 - margin).relu()
        case "ipo":
            return ((margin - 0.5) / dpo.beta) ** 2
        case "apo_zero":
            return 1 - chosen.sigmoid() + rejected.sigmoid()
        case "apo_down":
            return chosen.sigmoid() + 1 - margin.sigmoid()


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
        log_probs = sequence_log_probs(self.model, batch.sides)
        log_ratios = log_probs - batch.reference
        if self.dpo.length_normalised or self.dpo.loss == "ipo":
            log_ratios = log_ratios / batch.sides.counts
        chosen, rejected = (self.dpo.beta * log_ratios).chunk(2)
        margins = chosen - rejected
        loss = dpo_loss(chosen, rejected, self.dpo)
        if self.dpo.nll_weight:
            loss = loss - self.dpo.nll_weight * (log_probs / batch.sides.counts).chunk(2)[0]
        return {
            "loss": loss.sum(),
            "accuracy": torch.count_nonzero(margins > 0).float(),
            "margin": margins.sum(),
            "chosen_reward": chosen.sum(),
            "rejected_reward": rejected.sum(),
        }
