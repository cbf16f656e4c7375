"""Preference pairs with the reference's log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tratree.data.data_module import StepDataModule
from tratree.data.episodes import check_masks, collate
from tratree.policy.encoding import EncodedTrajectory


@dataclass(frozen=True)
class EncodedPair:
    """Both sides of a pair; their masks are true on the agent's tokens after the divergence.

    Attributes:
        chosen: Prefix and σ⁺.
        rejected: Prefix and σ⁻.
        reference: log π_ref(σ⁺) and log π_ref(σ⁻), each summed over the masked tokens.
    """

    chosen: EncodedTrajectory
    rejected: EncodedTrajectory
    reference: tuple[float, float] = (0.0, 0.0)

    @property
    def length(self) -> int:
        """Tokens of the longer side."""
        return max(len(self.chosen.token_ids), len(self.rejected.token_ids))


class PairBatch(NamedTuple):
    """P pairs as 2P sequences, the chosen ones first, padded on the right to L tokens.

    Attributes:
        token_ids: [2P, L] int64; 0 where padded.
        agent_mask: [2P, L] bool; false where padded.
        reference: [2P] float32 log-probabilities under the reference.
    """

    token_ids: Tensor
    agent_mask: Tensor
    reference: Tensor


def collate_pairs(pairs: Sequence[EncodedPair]) -> PairBatch:
    """Put the chosen sides of the pairs first, then the rejected ones."""
    sides = collate([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
    reference = [pair.reference[0] for pair in pairs] + [pair.reference[1] for pair in pairs]
    return PairBatch(sides.token_ids, sides.agent_mask, torch.tensor(reference))


class PairDataModule(StepDataModule[EncodedPair, PairBatch]):
    """Batches of pairs for `TreeDPOModule`."""

    def __init__(self, samples: Sequence[EncodedPair], context: int) -> None:
        """Leave out pairs of which a side has more than `context` tokens.

        Raises:
            UserError: If a side has no token to train on.
        """
        check_masks(pair.chosen for pair in samples)
        check_masks(pair.rejected for pair in samples)
        super().__init__(samples, context, length=lambda pair: pair.length, collate=collate_pairs)
