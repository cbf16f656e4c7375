"""TreeDPO: direct preference optimisation on pairs from divergence points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import logsigmoid

from tratree.data.pairs import PairBatch
from tratree.errors import UserError
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.settings import TrainingSettings


@dataclass(frozen=True)
class DPOSettings:
    """The constants of the DPO loss.

    Attributes:
        beta: β, the strength of the KL regularisation, above 0; 0.1 in the paper.
        label_smoothing: Assumed share of wrong preferences, in [0, 0.5); 0 in the paper.
    """

    beta: float = 0.1
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.beta > 0:
            raise UserError(f"beta is {self.beta}: set it above 0")
        if not 0 <= self.label_smoothing < 0.5:
            raise UserError(f"label_smoothing is {self.label_smoothing}: set it in [0, 0.5)")


def dpo_loss(margins: Tensor, settings: DPOSettings) -> Tensor:
    """Return the DPO loss of each pair.

    Args:
        margins: [P] log π_s(σ⁺)/π_ref(σ⁺) − log π_s(σ⁻)/π_ref(σ⁻) given the shared prefix.
        settings: The constants of the loss.

    Returns:
        [P] −(1−ε) log σ(β·margin) − ε log σ(−β·margin), ε the label smoothing.
    """
    scaled = settings.beta * margins
    smoothing = settings.label_smoothing
    return -(1 - smoothing) * logsigmoid(scaled) - smoothing * logsigmoid(-scaled)


class TreeDPOModule(AdapterModule):
    """L_TreeDPO (section 3.2 of the paper); the reference is the weak model after its SFT.

    The reference's log-probabilities come with the batch: the weak model is not in memory.
    """

    def __init__(self, model: PeftModel, settings: TrainingSettings, dpo: DPOSettings) -> None:
        super().__init__(model, settings)
        self.dpo = dpo

    def training_step(self, batch: PairBatch, _: int) -> dict[str, Tensor]:
        """Return the loss of a batch, the share of pairs in the right order, and the margin."""
        log_probs = sequence_log_probs(self.model, batch.token_ids, batch.agent_mask)
        chosen, rejected = (log_probs - batch.reference).chunk(2)
        margins = chosen - rejected
        with torch.no_grad():
            accuracy = (margins > 0).float().mean()
        return {
            "loss": dpo_loss(margins, self.dpo).mean(),
            "accuracy": accuracy,
            "margin": self.dpo.beta * margins.detach().mean(),
        }
