"""Episodes to imitate: expert demonstrations, or the best paths of trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tratree.data.data_module import StepDataModule, divide
from tratree.data.packing import Pack, cut_into_packs, pack_sequences
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


class Batch(NamedTuple):
    """B sequences, padded on the right to L tokens.

    No token of a causal model looks at what follows it, so the padding needs no attention mask.

    Attributes:
        token_ids: [B, L] int64; 0 where padded.
        agent_mask: [B, L] bool, true on the tokens that are trained on; false where padded.
    """

    token_ids: Tensor
    agent_mask: Tensor

    @property
    def owner(self) -> Tensor:
        """[E] int64, the sequence of each token that is trained on, sequence after sequence."""
        return self.agent_mask[:, 1:].nonzero()[:, 0]

    @property
    def counts(self) -> Tensor:
        """[B] int64, how many tokens each sequence trains."""
        return self.agent_mask[:, 1:].sum(-1)

    @property
    def tokens(self) -> int:
        """B × L, the tokens that a pass computes, padding included."""
        return self.token_ids.numel()


def collate(samples: Sequence[EncodedTrajectory]) -> Batch:
    """Pad samples on the right to the longest."""
    width = max(len(sample.token_ids) for sample in samples)
    token_ids = torch.zeros(len(samples), width, dtype=torch.long)
    agent_mask = torch.zeros(len(samples), width, dtype=torch.bool)
    for row, sample in enumerate(samples):
        token_ids[row, : len(sample.token_ids)] = torch.tensor(sample.token_ids)
        agent_mask[row, : len(sample.agent_mask)] = torch.tensor(sample.agent_mask)
    return Batch(token_ids, agent_mask)


def cut_into_batches(samples: Sequence[EncodedTrajectory], tokens: int) -> list[list[int]]:
    """Divide samples into batches of similar length, the longest first; returns their indices.

    Args:
        samples: In any order.
        tokens: Most tokens of a batch, padding included; at least one sample is taken.
    """
    order = sorted(range(len(samples)), key=lambda i: (len(samples[i].token_ids), i))
    batches = []
    while order:
        count = max(1, tokens // len(samples[order[-1]].token_ids))
        batches.append(order[-count:])
        order = order[:-count]
    return batches


def check_masks(samples: Iterable[EncodedTrajectory]) -> None:
    """Check that every sample has a token to train on that has one before it.

    Raises:
        UserError: If one has none.
    """
    for number, sample in enumerate(samples):
        if not any(sample.agent_mask[1:]):
            raise UserError(f"sample {number} has no token of the agent to learn: leave it out")


class EpisodeDataModule(StepDataModule[EncodedTrajectory, Batch | Pack]):
    """Batches of episodes for `SFTModule` and `MCTSImitationModule`.

    Episodes of a step that begin alike, with a prompt, can be packed instead of padded: the same
    result up to rounding.
    """

    def __init__(
        self,
        samples: Sequence[EncodedTrajectory],
        context: int,
        *,
        pack_tokens: int | None = None,
    ) -> None:
        """Leave out episodes of more than `context` tokens.

        Args:
            samples: The episodes.
            context: Most tokens of an episode.
            pack_tokens: Most tokens of a pack, see `cut_into_packs`; None pads.

        Raises:
            UserError: If an episode has no token to train on.
        """
        check_masks(samples)
        super().__init__(samples, context, length=lambda sample: len(sample.token_ids))
        self.pack_tokens = pack_tokens

    def collate(self, samples: Sequence[EncodedTrajectory], batch_size: int) -> list[Batch | Pack]:
        """Pad the samples of one step, `batch_size` of them at a time, or pack them."""
        if self.pack_tokens is not None:
            parts = cut_into_packs([[s] for s in samples], self.pack_tokens, self.devices)
            return [pack_sequences([samples[index] for index in part]) for part in parts]
        return [collate(part) for part in divide(samples, batch_size)]
