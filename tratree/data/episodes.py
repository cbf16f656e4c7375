"""Episodes to imitate."""

from __future__ import annotations

from collections.abc import Sequence

from tratree.data.data_module import Make, StepDataModule
from tratree.data.packing import Pack
from tratree.data.padding import Batch
from tratree.policy.encoding import EncodedTrajectory


class EpisodeDataModule(StepDataModule[EncodedTrajectory, Batch | Pack]):
    """Batches of episodes for `SFTModule` and `MCTSImitationModule`.

    Those of a step that begin alike, with a prompt or as trajectories of one task, are best packed.
    """

    def sequences(self, sample: EncodedTrajectory) -> Sequence[EncodedTrajectory]:
        """Return the episode alone."""
        return [sample]

    def batch(self, samples: Sequence[EncodedTrajectory], make: Make) -> Batch | Pack:
        """Return the padded or packed episodes."""
        return make(samples)
