"""Which samples make up each batch: decided by the seed, of similar length to save padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np
from torch.utils.data import Sampler

BUCKET_BATCHES = 16
"""So many batches are sorted by length together; more saves padding, fewer mixes better."""


class LengthBatches(Sampler[list[int]]):
    """All batches of a whole training, epoch after epoch, in the order of the seed.

    Each epoch visits every sample once, in a shuffle of its own. Samples that follow each other
    in that shuffle are sorted by length within buckets, and then the batches are shuffled.

    Args:
        lengths: Tokens of each sample.
        batch_size: Samples of a batch; the last one of an epoch may have fewer.
        epochs: How often each sample is visited.
        seed: Decides the order.
        skip: So many batches were done before; the rest is what it would have been.
    """

    def __init__(
        self, lengths: Sequence[int], *, batch_size: int, epochs: int, seed: int, skip: int = 0
    ) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._epochs = epochs
        self._seed = seed
        self._skip = skip

    def __len__(self) -> int:
        """Return the number of batches of all epochs, skipped ones included."""
        return self._epochs * -(-len(self._lengths) // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Return the indices of each batch that is left."""
        epochs = (
            self._epoch(np.random.default_rng([self._seed, epoch])) for epoch in range(self._epochs)
        )
        return islice(chain.from_iterable(epochs), self._skip, None)

    def _epoch(self, random: np.random.Generator) -> list[list[int]]:
        order = random.permutation(len(self._lengths))
        bucket = self._batch_size * BUCKET_BATCHES
        for start in range(0, len(order), bucket):
            part = order[start : start + bucket]
            order[start : start + bucket] = part[np.argsort(self._lengths[part], kind="stable")]
        batches = [
            order[start : start + self._batch_size].tolist()
            for start in range(0, len(order), self._batch_size)
        ]
        return [batches[i] for i in random.permutation(len(batches))]
