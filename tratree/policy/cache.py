"""A key-value cache whose rows grow at their own pace, for batches of live episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


@dataclass
class _Placement:
    """The slots that a forward pass over R slots with Q new tokens each reads and writes.

    Attributes:
        slots: The slots that take part, shape [R]; None for the first R.
        positions: Positions of their new tokens, shape [R, Q].
        visible: Number of positions that the pass attends over.
        rows: `slots` as a column, the first R where it is None.
    """

    slots: Tensor | None
    positions: Tensor
    visible: int
    rows: Tensor | None = None


class RolloutCache(Cache):
    """Keys and values of a fixed number of slots, each with its own length.

    Before each forward pass `place` says which slots take part and where their new tokens go;
    the pass itself needs position ids and a 4-D attention mask over the visible positions.
    A layer's memory, [slots, heads, length, head size], doubles its length when it is full, up to
    `longest`.
    """

    layers: list[Any]

    def __init__(self, slots: int, longest: int) -> None:
        """Lay out nothing yet: heads, number type and device follow from the first pass."""
        super().__init__(layers=[])
        self._slots = slots
        self._longest = longest
        self._placement = _Placement(None, torch.empty(0, 0, dtype=torch.long), 0)

    def place(self, slots: Tensor | None, positions: Tensor, visible: int) -> None:
        """Set where the next forward pass reads and writes.

        Args:
            slots: The slots that take part, shape [R]; None for the first R.
            positions: Positions of their new tokens, shape [R, Q]; padding goes to positions that
                its row has not reached, at most `visible`.
            visible: Number of positions that the pass attends over.
        """
        self._placement.slots = slots
        self._placement.positions = positions
        self._placement.visible = visible
        if slots is None:
            slots = torch.arange(len(positions), device=positions.device)
        self._placement.rows = slots[:, None]

    @property
    def slots(self) -> int:
        """Number of slots."""
        return self._slots

    @property
    def room(self) -> int:
        """Number of positions that there is memory for."""
        return self.layers[0].keys.shape[2] if self.layers else 0

    def reserve(self, visible: int) -> None:
        """Make room for a pass over `visible` positions, in all layers that there are."""
        for layer in self.layers:
            layer.reserve(visible)

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Store new keys and values [R, H, Q, D]; return the visible ones [R, H, visible, D]."""
        while len(self.layers) <= layer_idx:
            self.layers.append(_RolloutLayer(self._slots, self._longest, self._placement))
        return super().update(key_states, value_states, layer_idx, *args, **kwargs)

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of a slot over those of another."""
        for layer in self.layers:
            for stored in (layer.keys, layer.values):
                stored[target, :, :length] = stored[source, :, :length]

    def copy_of(self, slot: int, length: int) -> list[tuple[Tensor, Tensor]]:
        """Return the first `length` keys and values [H, length, D] of a slot, layer by layer."""
        return [
            (layer.keys[slot, :, :length].clone(), layer.values[slot, :, :length].clone())
            for layer in self.layers
        ]

    def put(self, slot: int, copied: list[tuple[Tensor, Tensor]]) -> None:
        """Write what `copy_of` returned to the beginning of another slot."""
        for layer, (keys, values) in zip(self.layers, copied, strict=True):
            layer.keys[slot, :, : keys.shape[1]] = keys
            layer.values[slot, :, : values.shape[1]] = values


class _RolloutLayer(CacheLayerMixin):
    is_sliding = False

    def __init__(self, slots: int, longest: int, placement: _Placement) -> None:
        super().__init__()
        self._slots = slots
        self._longest = longest
        self._placement = placement

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys = key_states.new_zeros(self._slots, key_states.shape[1], 0, key_states.shape[3])
        self.values = value_states.new_zeros(*self.keys.shape[:3], value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        self.reserve(self._placement.visible)
        return self._store(self.keys, key_states), self._store(self.values, value_states)

    def reserve(self, visible: int) -> None:
        """Make room for the next power of two; what is new is 0, never NaN."""
        assert self.keys is not None
        assert self.values is not None
        if self.keys.shape[2] <= visible:
            room = min(1 << visible.bit_length(), self._longest)
            self.keys, self.values = self._longer(self.keys, room), self._longer(self.values, room)

    def _longer(self, stored: Tensor, room: int) -> Tensor:
        slots, heads, length, size = stored.shape
        longer = stored.new_zeros(slots, heads, room, size)
        longer[:, :, :length] = stored
        return longer

    def _store(self, stored: Tensor, new: Tensor) -> Tensor:
        slots = self._placement.slots
        stored[self._placement.rows, :, self._placement.positions] = new.transpose(1, 2)
        visible = stored[:, :, : self._placement.visible]
        return visible[: len(new)] if slots is None else visible[slots]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._placement.visible, 0

    def get_seq_length(self) -> int:
        return self._placement.visible

    def get_max_length(self) -> int:
        return -1
