"""The base of the data modules, which deals out samples step by step."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import repeat
from typing import Generic, TypeAlias

from lightning import LightningDataModule

from tratree.data.packing import Pack, cut_into_packs, pack_sequences
from tratree.data.padding import Batch, collate
from tratree.data.sample_file import SampleFile
from tratree.data.steps import (
    AnyBatch,
    Sample,
    StepLoader,
    Steps,
    steps_of_similar_length,
    steps_of_whole_groups,
)
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory

Make: TypeAlias = "Callable[[Sequence[EncodedTrajectory]], Batch | Pack]"
"""Puts sequences into a batch: `collate` pads them, `pack_sequences` packs them."""


class StepDataModule(LightningDataModule, Generic[Sample, AnyBatch]):
    """Samples, and the batches of them that make up each step of a training.

    How a step is cut into batches, packed or padded, changes memory and speed, and results by
    rounding only.

    Attributes:
        samples: Those that fit the context, in a file if they are many.
        too_long: Number of those that did not and are left out; never cut.
        lengths: Tokens of the longest sequence of each sample.
        pack_tokens: Most tokens of a pack; None pads.
        devices: Number of devices that share the batches of a step.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        context: int,
        *,
        pack_tokens: int | None = None,
        groups: Iterable[Hashable] | None = None,
    ) -> None:
        """Leave out samples with a sequence of more than `context` tokens.

        Args:
            samples: The samples, read once.
            context: Most tokens of a sequence.
            pack_tokens: Most tokens of a pack, see `cut_into_packs`; None pads.
            groups: The group of each sample. A step then takes one group after the other, in a
                shuffle of each epoch, until it has at least the samples that are asked for; the
                last step of an epoch has what is left. None: steps of similar length.

        Raises:
            UserError: If a sequence has no token to train on that has one before it.
        """
        super().__init__()
        self.samples: SampleFile[Sample] = SampleFile()
        self.too_long = 0
        self.lengths = array("q")
        self.pack_tokens = pack_tokens
        self.devices = 1
        self._groups = None if groups is None else array("q")
        known: dict[Hashable, int] = {}
        for number, (sample, group) in enumerate(
            zip(samples, groups or repeat(None), strict=False)
        ):
            if not all(any(s.agent_mask[1:]) for s in self.sequences(sample)):
                raise UserError(f"sample {number} has no token of the agent to learn: leave it out")
            length = self._length(sample)
            if length > context:
                self.too_long += 1
                continue
            self.samples.append(sample)
            self.lengths.append(length)
            if self._groups is not None:
                self._groups.append(known.setdefault(group, len(known)))

    def sequences(self, sample: Sample) -> Sequence[EncodedTrajectory]:
        """Return the sequences of a sample, which stay together."""
        raise NotImplementedError

    def batch(self, samples: Sequence[Sample], make: Make) -> AnyBatch:
        """Return samples as one batch."""
        raise NotImplementedError

    def _length(self, sample: Sample) -> int:
        return max(len(sequence.token_ids) for sequence in self.sequences(sample))

    def plan(self, *, size: int, epochs: int, seed: int) -> Steps:
        """Return the samples of each step: about `size` of similar length, or of whole groups."""
        if self._groups is not None:
            return steps_of_whole_groups(self._groups, size=size, epochs=epochs, seed=seed)
        return steps_of_similar_length(self.lengths, size=size, epochs=epochs, seed=seed)

    def collate(self, samples: Sequence[Sample], batch_size: int) -> list[AnyBatch]:
        """Pack the samples of one step; or pad them, `batch_size` of similar length at a time."""
        if self.pack_tokens is not None:
            groups = [self.sequences(sample) for sample in samples]
            parts = cut_into_packs(groups, self.pack_tokens, self.devices)
            return [self.batch([samples[i] for i in part], pack_sequences) for part in parts]
        ordered = sorted(samples, key=self._length)
        return [
            self.batch(ordered[first : first + batch_size], collate)
            for first in range(0, len(ordered), batch_size)
        ]

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
        self._loader: StepLoader[Sample, AnyBatch] = StepLoader(
            self.samples, steps, partial(self.collate, batch_size=batch_size)
        )

    def train_dataloader(self) -> StepLoader[Sample, AnyBatch]:
        """Return the steps of the whole training; for Lightning they are a single epoch."""
        return self._loader
