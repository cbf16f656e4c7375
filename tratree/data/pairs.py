"""Preference pairs with the reference's log-probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import NamedTuple

import torch
from torch import Tensor

from tratree.data.data_module import Make, StepDataModule
from tratree.data.packing import Pack
from tratree.data.padding import Batch
from tratree.policy.encoding import EncodedTrajectory


@dataclass(frozen=True)
class EncodedPair:
    """Both sides of a pair; their masks are true on the agent's tokens after the divergence.

    Attributes:
        chosen: Prefix and σ⁺.
        rejected: Prefix and σ⁻.
        reference: log π_ref(σ⁺) and log π_ref(σ⁻), each summed over the masked tokens.
        tree: Name of the tree that the pair is of; None if of none.
    """

    chosen: EncodedTrajectory
    rejected: EncodedTrajectory
    reference: tuple[float, float] = (0.0, 0.0)
    tree: str | None = None


class PairBatch(NamedTuple):
    """P pairs.

    Attributes:
        sides: 2P sequences, the chosen ones first; the trained tokens are the continuations'.
        reference: [2P] float32 log-probabilities of the continuations under the reference.
    """

    sides: Batch | Pack
    reference: Tensor

    @property
    def tokens(self) -> int:
        """The tokens that a pass computes, padding included."""
        return self.sides.tokens


def collate_pairs(pairs: Sequence[EncodedPair], make: Make) -> PairBatch:
    """Put the chosen sides of one or more pairs first, then the rejected ones."""
    sides = make([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
    reference = [pair.reference[0] for pair in pairs] + [pair.reference[1] for pair in pairs]
    return PairBatch(sides, torch.tensor(reference))


class PairDataModule(StepDataModule[EncodedPair, PairBatch]):
    """Batches of pairs for `TreeDPOModule`, all pairs of a tree in one step."""

    def __init__(
        self, samples: Iterable[EncodedPair], context: int, *, pack_tokens: int | None = None
    ) -> None:
        """Group them by tree, each pair of none on its own; see `StepDataModule`."""
        samples, again = tee(samples)
        trees = (n if pair.tree is None else pair.tree for n, pair in enumerate(again))
        super().__init__(samples, context, pack_tokens=pack_tokens, groups=trees)

    def sequences(self, sample: EncodedPair) -> Sequence[EncodedTrajectory]:
        """Return both sides."""
        return sample.chosen, sample.rejected

    def batch(self, samples: Sequence[EncodedPair], make: Make) -> PairBatch:
        """Return `collate_pairs`."""
        return collate_pairs(samples, make)
