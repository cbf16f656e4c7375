"""What the data modules share: samples that fit the context, handed out step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic

from lightning import LightningDataModule

from tratree.data.batches import Batch, Sample, StepLoader


class StepDataModule(LightningDataModule, Generic[Sample, Batch]):
    """Samples, and the batches of them that make up each step of a training.

    Attributes:
        samples: Those that fit the context.
        too_long: How many did not and are left out; never cut.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        context: int,
        *,
        length: Callable[[Sample], int],
        collate: Callable[[Sequence[Sample]], Batch],
    ) -> None:
        """Leave out what is longer than `context` tokens."""
        super().__init__()
        self.samples = [sample for sample in samples if length(sample) <= context]
        self.too_long = len(samples) - len(self.samples)
        self._length = length
        self._collate = collate

    def arrange(self, *, batch_size: int, accumulate: int, epochs: int, seed: int) -> None:
        """Say how the next training goes through the samples; see `StepLoader`."""
        self._loader = StepLoader(
            self.samples,
            [self._length(sample) for sample in self.samples],
            self._collate,
            batch_size=batch_size,
            accumulate=accumulate,
            epochs=epochs,
            seed=seed,
        )

    def train_dataloader(self) -> StepLoader[Sample, Batch]:
        """Return the steps of the whole training; for Lightning they are a single epoch."""
        return self._loader
