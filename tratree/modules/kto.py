"""Preferences without pairs: trajectories that are wanted or not, each on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from tratree.data.labels import LabelBatch
from tratree.models.adapted import CausalModel
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.settings import DPOSettings, TrainingSettings


class KTOModule(AdapterModule[LabelBatch]):
    """L_KTO with its reference point at 0: TRL's ``apo_zero_unpaired``.

    1 − σ(r(τ)) for a trajectory that is wanted and σ(r(τ)) for one that is not, with the implicit
    reward r(τ) = β log π_s(τ)/π_ref(τ). KTO's own reference point is an estimate of the KL
    divergence over a batch, so that results would depend on how a step is cut into batches.
    """

    def __init__(self, model: CausalModel, settings: TrainingSettings, dpo: DPOSettings) -> None:
        super().__init__(model, settings)
        self.dpo = dpo

    def units(self, batch: LabelBatch) -> int:
        """Return the number of trajectories."""
        return len(batch.reference)

    def sums(self, batch: LabelBatch) -> dict[str, Tensor]:
        """Return the loss and figures of the implicit rewards, summed over the trajectories.

        ``accuracy`` counts the trajectories whose reward has the sign of their label.
        """
        log_ratios = sequence_log_probs(self.model, batch.sequences) - batch.reference
        if self.dpo.length_normalised:
            log_ratios = log_ratios / batch.sequences.counts
        rewards = self.dpo.beta * log_ratios
        signed = torch.where(batch.wanted, rewards, -rewards)
        return {
            "loss": (-signed).sigmoid().sum(),
            "accuracy": torch.count_nonzero(signed > 0).float(),
            "reward": signed.sum(),
        }
