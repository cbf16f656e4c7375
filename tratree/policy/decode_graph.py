"""Decoding passes that are recorded once on a GPU and replayed by one launch.

A pass of a model of 28 layers launches some 700 kernels, which takes the CPU longer than it takes
the GPU to run them. A recorded pass reads its tokens and positions from the same memory every time,
so batches are filled up to one of a few sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tratree.policy.cache import RolloutCache

VISIBLE_STEP = 256
"""Recorded passes attend over multiples of this many positions, and hide the rest."""

Recorder = Callable[[Callable[[], None]], Callable[[], None]]
"""Runs a pass and returns what repeats it."""


def cuda_graphs() -> Recorder:
    """Return what records passes on the GPU, all in the same memory: one is replayed at a time."""
    pool = torch.cuda.graph_pool_handle()

    def record(work: Callable[[], None]) -> Callable[[], None]:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            work()  # what is done for the first time only is not recorded
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Threads that step environments meanwhile are none of this one's.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            work()
        return graph.replay

    return record


class DecodeGraphs:
    """The recorded passes over a cache, by number of rows and of positions."""

    def __init__(
        self,
        cache: RolloutCache,
        decode: Callable[[Tensor, Tensor, int], Tensor],
        device: torch.device,
        longest: int,
        record: Recorder | None = None,
    ) -> None:
        """Record nothing yet.

        Args:
            cache: The cache that the passes read and write; it has layers already.
            decode: Runs a pass, given token ids [R, 1], positions [R, 1] and the number of visible
                positions; returns logits [R, V].
            device: Of the model.
            longest: Most positions of a row.
            record: Records a pass; by default `cuda_graphs`.
        """
        self._cache = cache
        self._decode = decode
        self._device = device
        self._longest = longest
        self._record = record or cuda_graphs()
        self._room = 0
        self._failed = False
        self._logits = torch.empty(0)
        self._recorded: dict[tuple[int, int], tuple[Tensor, Callable[[], None]]] = {}

    @property
    def failed(self) -> bool:
        """True once a pass of this model could not be recorded, so that none is tried again."""
        return self._failed

    def decode(self, tokens: Sequence[int], positions: Sequence[int], visible: int) -> Tensor:
        """Feed one token to each of the first R rows; return the logits of the next, [R, V].

        The logits are overwritten by the next pass.
        """
        rows = min(1 << (len(tokens) - 1).bit_length(), self._cache.slots)
        seen = min(-(-visible // VISIBLE_STEP) * VISIBLE_STEP, self._longest)
        self._cache.reserve(seen)
        if self._cache.room != self._room:  # other memory than what was recorded
            self._recorded.clear()
            self._room = self._cache.room
        # Rows that nobody uses write to their first place, written again before it is read.
        unused = [0] * (rows - len(tokens))
        fed = torch.tensor([[*tokens, *unused], [*positions, *unused]])
        if (rows, seen) not in self._recorded:
            given = fed.to(self._device)
            self._recorded[rows, seen] = given, self._recording_of(given, seen)
        given, replay = self._recorded[rows, seen]
        given.copy_(fed, non_blocking=True)
        replay()
        return self._logits[: len(tokens)]

    def _recording_of(self, given: Tensor, seen: int) -> Callable[[], None]:
        """Return what repeats a pass; where it cannot be recorded, the pass itself."""
        token_ids, places = given[0, :, None], given[1, :, None]
        if not len(self._logits):
            # All passes write here: logits of their own would take much memory.
            said = self._decode(token_ids, places, seen)
            self._logits = said.new_empty(self._cache.slots, said.shape[-1])

        def work() -> None:
            self._logits[: len(token_ids)] = self._decode(token_ids, places, seen)

        try:
            return self._record(work)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            self._failed = True
            return work
