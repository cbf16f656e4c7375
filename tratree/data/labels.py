"""Trajectories that are right or wrong on their own, with the reference's log-probabilities."""

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
    """Batches of labelled trajectories for `KTOModule`, all of a task in one step.

    How a step is cut into batches, packed or padded, changes memory and speed, and results by
    rounding only.
    """

    def __init__(
        self,
        samples: Sequence[LabelledTrajectory],
        context: int,
        *,
        pack_tokens: int | None = None,
    ) -> None:
        """Leave out trajectories of more than `context` tokens.

        Args:
            samples: The trajectories.
            context: Most tokens of one.
            pack_tokens: Most tokens of a pack, see `cut_into_packs`; None pads them instead.

        Raises:
            UserError: If a trajectory has no token to train on.
        """
        check_masks(sample.trajectory for sample in samples)
        super().__init__(samples, context, length=lambda s: len(s.trajectory.token_ids))
        self.pack_tokens = pack_tokens

    def plan(self, *, size: int, epochs: int, seed: int) -> Steps:
        """Return the trajectories of each step."""
        tasks = [sample.task for sample in self.samples]
        return steps_of_whole_groups(tasks, size=size, epochs=epochs, seed=seed)

    def collate(self, samples: Sequence[LabelledTrajectory], batch_size: int) -> list[LabelBatch]:
        """Pack the trajectories of one step; or pad them, `batch_size` of similar length a time."""
        if self.pack_tokens is None:
            ordered = sorted(samples, key=lambda s: len(s.trajectory.token_ids))
            return [collate_labels(part, collate) for part in divide(ordered, batch_size)]
        groups = [[sample.trajectory] for sample in samples]
        return [
            collate_labels([samples[index] for index in part], pack_sequences)
            for part in cut_into_packs(groups, self.pack_tokens, self.devices)
        ]


def collate_labels(
    samples: Sequence[LabelledTrajectory],
    make: Callable[[Sequence[EncodedTrajectory]], Batch | Pack],
) -> LabelBatch:
    """Return a batch; `make` is `collate`, which pads, or `pack_sequences`."""
    return LabelBatch(
        make([sample.trajectory for sample in samples]),
        torch.tensor([sample.wanted for sample in samples]),
        torch.tensor([sample.reference for sample in samples]),
    )
