"""Imitation of the paths that MCTS found."""

from __future__ import annotations

from tratree.data.episodes import Batch
from tratree.data.packing import Pack
from tratree.modules.sft import SFTModule


class MCTSImitationModule(SFTModule):
    """L_MCTS = −1/|D_e*| Σ_e* Σ_t log π_s(a*_t | context*_t) (section 3.3 of the paper).

    The actions' log-probabilities are summed over a path and averaged over paths, so that a long
    path weighs more than a short one. `SFTModule` on the same paths averages over tokens instead.
    """

    def units(self, batch: Batch | Pack) -> int:
        """Return the number of paths."""
        return len(batch.counts)
