"""Preference pairs with the reference's log-probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tratree.data.batches import Steps, steps_of_whole_groups
from tratree.data.data_module import StepDataModule, divide
from tratree.data.episodes import Batch, check_masks, collate
from tratree.data.packing import Pack, cut_into_packs, pack_sequences
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

    @property
    def length(self) -> int:
        """Tokens of the longer side."""
        return max(len(self.chosen.token_ids), len(self.rejected.token_ids))


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


def collate_pairs(
    pairs: Sequence[EncodedPair], make: Callable[[Sequence[EncodedTrajectory]], Batch | Pack]
) -> PairBatch:
    """Put the chosen sides of the pairs first, then the rejected ones.

    Args:
        pairs: One or more.
        make: `collate` pads the sides, `pack_sequences` packs them.
    """
    sides = make([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
    reference = [pair.reference[0] for pair in pairs] + [pair.reference[1] for pair in pairs]
    return PairBatch(sides, torch.tensor(reference))


class PairDataModule(StepDataModule[EncodedPair, PairBatch]):
    """Batches of pairs for `TreeDPOModule`, all pairs of a tree in one step.

    A step takes one tree after the other, in a shuffle of each epoch, until it has at least the
    pairs that are asked for; the last step of an epoch has what is left. How a step is cut into
    batches, packed or padded, changes memory and speed, and results by rounding only.
    """

    def __init__(
        self, samples: Sequence[EncodedPair], context: int, *, pack_tokens: int | None = None
    ) -> None:
        """Leave out pairs of which a side has more than `context` tokens.

        Args:
            samples: The pairs.
            context: Most tokens of a side.
            pack_tokens: Most tokens of a pack of pairs, see `cut_into_packs`; None pads pairs
                instead of packing them.

        Raises:
            UserError: If a side has no token to train on.
        """
        check_masks(pair.chosen for pair in samples)
        check_masks(pair.rejected for pair in samples)
        super().__init__(samples, context, length=lambda pair: pair.length)
        self.pack_tokens = pack_tokens

    def plan(self, *, size: int, epochs: int, seed: int) -> Steps:
        """Return the pairs of each step."""
        trees = [
            number if pair.tree is None else pair.tree for number, pair in enumerate(self.samples)
        ]
        return steps_of_whole_groups(trees, size=size, epochs=epochs, seed=seed)

    def collate(self, samples: Sequence[EncodedPair], batch_size: int) -> list[PairBatch]:
        """Pack the pairs of one step; or pad them, `batch_size` pairs of similar length a time."""
        if self.pack_tokens is None:
            ordered = sorted(samples, key=lambda pair: pair.length)
            return [collate_pairs(part, collate) for part in divide(ordered, batch_size)]
        sides = [(pair.chosen, pair.rejected) for pair in samples]
        return [
            collate_pairs([samples[index] for index in part], pack_sequences)
            for part in cut_into_packs(sides, self.pack_tokens, self.devices)
        ]
