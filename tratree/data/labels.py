"""Trajectories that are right or wrong on their own, with the reference's log-probabilities."""

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
class LabelledTrajectory:
    """A trajectory and whether it is wanted.

    Attributes:
        trajectory: The agent's tokens are those that are trained on.
        wanted: Whether it shall become more likely.
        reference: log π_ref of those tokens, summed.
        task: Name of its task.
    """

    trajectory: EncodedTrajectory
    wanted: bool
    reference: float
    task: str


class LabelBatch(NamedTuple):
    """S labelled sequences.

    Attributes:
        sequences: Padded or packed.
        wanted: [S] bool.
        reference: [S] float32 log-probabilities under the reference.
    """

    sequences: Batch | Pack
    wanted: Tensor
    reference: Tensor

    @property
    def tokens(self) -> int:
        """The tokens that a pass computes, padding included."""
        return self.sequences.tokens


class LabelDataModule(StepDataModule[LabelledTrajectory, LabelBatch]):
    """Batches of labelled trajectories for `KTOModule`, all of a task in one step."""

    def __init__(
        self,
        samples: Iterable[LabelledTrajectory],
        context: int,
        *,
        pack_tokens: int | None = None,
    ) -> None:
        """Group them by task; see `StepDataModule`."""
        samples, again = tee(samples)
        tasks = (sample.task for sample in again)
        super().__init__(samples, context, pack_tokens=pack_tokens, groups=tasks)

    def sequences(self, sample: LabelledTrajectory) -> Sequence[EncodedTrajectory]:
        """Return the trajectory alone."""
        return [sample.trajectory]

    def batch(self, samples: Sequence[LabelledTrajectory], make: Make) -> LabelBatch:
        """Return the trajectories with their labels."""
        return LabelBatch(
            make([sample.trajectory for sample in samples]),
            torch.tensor([sample.wanted for sample in samples]),
            torch.tensor([sample.reference for sample in samples]),
        )
