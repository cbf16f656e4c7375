"""The base of the data modules: samples that fit the context, dealt out step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic

from lightning import LightningDataModule

from tratree.data.batches import Batch, Sample, StepLoader, Steps, steps_of_similar_length


class StepDataModule(LightningDataModule, Generic[Sample, Batch]):
    """Samples, and the batches of them that make up each step of a training.

    Attributes:
        samples: Those that fit the context.
        too_long: Number of those that did not and are left out; never cut.
        devices: Number of devices that share the batches of a step.
    """

    def __init__(
        self, samples: Sequence[Sample], context: int, *, length: Callable[[Sample], int]
    ) -> None:
        """Leave out what is longer than `context` tokens."""
        super().__init__()
        self.samples = [sample for sample in samples if length(sample) <= context]
        self.too_long = len(samples) - len(self.samples)
        self.lengths = [length(sample) for sample in self.samples]
        self.devices = 1

    def plan(self, *, size: int, epochs: int, seed: int) -> Steps:
        """Return the samples of each step; here about `size` of similar length."""
        return steps_of_similar_length(self.lengths, size=size, epochs=epochs, seed=seed)

    def collate(self, samples: Sequence[Sample], batch_size: int) -> list[Batch]:
        """Return the batches of one step, each of at most `batch_size` samples."""
        raise NotImplementedError

    def arrange(
        self, *, batch_size: int, accumulate: int, epochs: int, seed: int, devices: int = 1
    ) -> None:
        """Say how the next training goes through the samples.

        Args:
            batch_size: Most samples of a batch.
            accumulate: A step has batch_size × accumulate samples; see `plan`.
            epochs: Passes over the samples.
            seed: Decides the order.
            devices: Number of devices that share the batches of a step; packs are cut so that each
                has its share.
        """
        self.devices = devices
        steps = self.plan(size=batch_size * accumulate, epochs=epochs, seed=seed)
        self._loader: StepLoader[Sample, Batch] = StepLoader(
            self.samples, steps, partial(self.collate, batch_size=batch_size)
        )

    def train_dataloader(self) -> StepLoader[Sample, Batch]:
        """Return the steps of the whole training; for Lightning they are a single epoch."""
        return self._loader


def divide(samples: Sequence[Sample], size: int) -> list[Sequence[Sample]]:
    """Cut samples into runs of `size`; the last one has what is left."""
    return [samples[first : first + size] for first in range(0, len(samples), size)]
