"""Episodes to imitate: expert demonstrations, or the best paths of trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from tratree.data.batches import LengthBatches
from tratree.policy.encoding import EncodedTrajectory


class Batch(NamedTuple):
    """B sequences, padded on the right to L tokens.

    Attributes:
        token_ids: [B, L] int64; 0 where padded.
        agent_mask: [B, L] bool, true on the tokens that are trained on; false where padded.
    """

    token_ids: Tensor
    agent_mask: Tensor


def collate(samples: Sequence[EncodedTrajectory]) -> Batch:
    """Pad samples to the longest. Padding on the right needs no attention mask: see `Batch`."""
    width = max(len(sample.token_ids) for sample in samples)
    token_ids = torch.zeros(len(samples), width, dtype=torch.long)
    agent_mask = torch.zeros(len(samples), width, dtype=torch.bool)
    for row, sample in enumerate(samples):
        token_ids[row, : len(sample.token_ids)] = torch.tensor(sample.token_ids)
        agent_mask[row, : len(sample.agent_mask)] = torch.tensor(sample.agent_mask)
    return Batch(token_ids, agent_mask)


class EpisodeDataModule(LightningDataModule):
    """Batches of episodes for `SFTModule` and `MCTSImitationModule`.

    Attributes:
        samples: The episodes that fit the context.
        too_long: How many did not and are left out; never cut.
    """

    def __init__(self, samples: Sequence[EncodedTrajectory], context: int) -> None:
        super().__init__()
        self.samples = [sample for sample in samples if len(sample.token_ids) <= context]
        self.too_long = len(samples) - len(self.samples)

    def loader(self, *, batch_size: int, epochs: int, seed: int, skip: int = 0) -> DataLoader[Any]:
        """Return the batches of a whole training, see `LengthBatches`."""
        lengths = [len(sample.token_ids) for sample in self.samples]
        batches = LengthBatches(lengths, batch_size=batch_size, epochs=epochs, seed=seed, skip=skip)
        return DataLoader(self.samples, batch_sampler=batches, collate_fn=collate)  # type: ignore[arg-type]
