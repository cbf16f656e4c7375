"""Batches of sequences that are padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

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


class _Tokens(Protocol):
    @property
    def token_ids(self) -> Sequence[int]: ...


def cut_into_batches(samples: Sequence[_Tokens], tokens: int) -> list[list[int]]:
    """Divide samples into batches of similar length, the longest first; returns their indices.

    Args:
        samples: In any order; anything with `token_ids`.
        tokens: Most tokens of a batch, padding included; at least one sample is taken.
    """
    order = sorted(range(len(samples)), key=lambda i: (len(samples[i].token_ids), i))
    batches = []
    while order:
        count = max(1, tokens // len(samples[order[-1]].token_ids))
        batches.append(order[-count:])
        order = order[:-count]
    return batches
