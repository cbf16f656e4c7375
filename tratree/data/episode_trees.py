"""Several episodes of each task to imitate, those of a task in one pass over their tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tratree.data.batches import Steps, steps_of_whole_groups
from tratree.data.data_module import StepDataModule
from tratree.data.episodes import check_masks
from tratree.data.packing import Pack, cut_into_packs, pack_sequences
from tratree.policy.encoding import EncodedTrajectory


@dataclass(frozen=True)
class TreeEpisode:
    """An episode and the name of its tree, which is its task."""

    episode: EncodedTrajectory
    tree: str


class EpisodeTreeDataModule(StepDataModule[TreeEpisode, Pack]):
    """Packs of episodes for `SFTModule` and `MCTSImitationModule`.

    A step takes one tree after the other, in a shuffle of each epoch, until it has at least the
    episodes that are asked for; the last step of an epoch has what is left.
    """

    def __init__(self, samples: Sequence[TreeEpisode], context: int, *, pack_tokens: int) -> None:
        """Leave out episodes of more than `context` tokens.

        Args:
            samples: The episodes.
            context: Most tokens of an episode.
            pack_tokens: Most tokens of a pack, see `cut_into_packs`.

        Raises:
            UserError: If an episode has no token to train on.
        """
        check_masks(sample.episode for sample in samples)
        super().__init__(samples, context, length=lambda sample: len(sample.episode.token_ids))
        self.pack_tokens = pack_tokens

    def plan(self, *, size: int, epochs: int, seed: int) -> Steps:
        """Return the episodes of each step."""
        trees = [sample.tree for sample in self.samples]
        return steps_of_whole_groups(trees, size=size, epochs=epochs, seed=seed)

    def collate(self, samples: Sequence[TreeEpisode], batch_size: int) -> list[Pack]:
        """Pack the episodes of one step; how many a pack has is up to its tokens."""
        episodes = [sample.episode for sample in samples]
        parts = cut_into_packs([[e] for e in episodes], self.pack_tokens, self.devices)
        return [pack_sequences([episodes[index] for index in part]) for part in parts]
