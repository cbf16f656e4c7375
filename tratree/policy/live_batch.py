"""The model's side of a rollout: rows of token ids that grow by one forward pass at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tratree.models.adapted import is_adapted
from tratree.models.architecture import check_context
from tratree.models.masks import unread_mask
from tratree.models.output_head import float32_logits
from tratree.policy.cache import RolloutCache
from tratree.policy.decode_attention import ROWS, attend_by_rows
from tratree.policy.decode_graph import DecodeGraphs

_PREFILL_TOKENS = 8192
"""Most tokens, padding included, of one prefill pass over several rows: bounds its memory."""

_PROBED = 1024
"""Number of the last trained weights compared to notice a fused optimizer's step."""


class LiveBatch:
    """Up to `slots` token sequences whose keys and values stay in memory while they grow.

    Live rows are always the first ones: `append` opens the next, and `remove` moves the last
    live row into the gap. A prefix that all rows begin with is computed once and copied.

    Attributes:
        lengths: Number of tokens that each live row has been fed.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        slots: int,
        max_context: int,
        prefix: Sequence[int] = (),
    ) -> None:
        """Check the model and set up an empty batch.

        Args:
            model: A causal language model of transformers in evaluation mode, adapters allowed.
            slots: Most rows at a time.
            max_context: Most tokens of a row.
            prefix: The first tokens of every row, fewer than `max_context`.

        Raises:
            UserError: If the model cannot attend over `max_context` tokens.
            ValueError: If the model is in training mode.
        """
        if model.training:
            raise ValueError("the model is in training mode; call eval() before a rollout")
        check_context(model.config, max_context)
        attend_by_rows(model)
        self._model = model
        self._max_context = max_context
        self._prefix = tuple(prefix)
        self._unread = unread_mask(model)
        self._weights = list(model.parameters())
        trained = [weights for weights in self._weights if weights.requires_grad]
        self._probe = (trained or self._weights)[-1].detach().reshape(-1)[:_PROBED]
        self.reset(slots, rows=0)

    def reset(self, slots: int, rows: int) -> None:
        """Forget all keys and values and continue with `rows` empty rows of up to `slots`."""
        # Padding goes to the position after the last.
        self._cache = RolloutCache(slots, self._max_context + 1)
        self._graphs: DecodeGraphs | None = None
        self._slots = slots
        self._computed_prefix: list[tuple[Tensor, Tensor]] = []
        self._version, self._probed = self._weights_version(), self._probe.clone()
        self.lengths: list[int] = [0] * rows

    def drop_stale(self) -> bool:
        """Forget keys and values of other weights than the model has now; return if so.

        Noticed are other values of the parameters, as an optimizer or `load_state_dict` sets
        them, and another active adapter; after a change of frozen weights behind autograd's back
        (``.data``) call `reset`.
        """
        # Fused optimizers do not count versions, so some values are compared.
        stale = self._version != self._weights_version() or not self._probe.equal(self._probed)
        if stale:
            self.reset(self._slots, len(self.lengths))
        return stale

    def _weights_version(self) -> tuple[int, str]:
        adapter = self._model.active_adapter if is_adapted(self._model) else ""
        versions = (0 if p.is_inference() else p._version for p in self._weights)
        return sum(versions), str(adapter)

    @property
    def records(self) -> bool:
        """True if decoding passes are recorded on a GPU and replayed."""
        return self._graphs is not None and not self._graphs.failed

    def append(self) -> None:
        """Open an empty row after the last."""
        self.lengths.append(0)

    @torch.inference_mode()
    def remove(self, row: int) -> None:
        """Drop a row; the last row takes its place."""
        length = self.lengths.pop()
        if row < len(self.lengths):
            self._cache.move(len(self.lengths), row, length)
            self.lengths[row] = length

    @torch.inference_mode()
    def feed_prefix(self) -> None:
        """Feed the prefix to every empty row: by one forward pass in all, and copies of it."""
        for row, length in enumerate(self.lengths) if self._prefix else ():
            if length:
                continue
            if not self._computed_prefix:
                self.prefill({row: self._prefix})
                self._computed_prefix = self._cache.copy_of(row, len(self._prefix))
            else:
                self._cache.put(row, self._computed_prefix)
                self.lengths[row] = len(self._prefix)

    def prefill(self, tokens: Mapping[int, Sequence[int]]) -> None:
        """Feed several tokens to some rows, without asking what comes next."""
        for rows in _groups({row: len(fed) for row, fed in tokens.items()}):
            self._feed([tokens[row] for row in rows], rows)

    @torch.inference_mode()
    def decode(self, tokens: Sequence[int | None]) -> Tensor:
        """Feed one token to every row; return the logits of the next, shape [R, V].

        A row whose token is None is not fed, and its logits mean nothing. The logits are
        overwritten by the next call.
        """
        starts = list(self.lengths)
        self.lengths = [
            length + (token is not None) for length, token in zip(starts, tokens, strict=True)
        ]
        visible = max(self.lengths)
        places = [min(start, visible) for start in starts]
        fed = [token or 0 for token in tokens]
        if self._graphs is None and self._model.device.type == "cuda" and self._cache.layers:
            self._graphs = DecodeGraphs(
                self._cache, self._decode, self._model.device, self._max_context
            )
        if self._graphs is not None and self.records:
            return self._graphs.decode(fed, places, visible)
        given = torch.tensor([fed, places], device=self._model.device)
        return self._decode(given[0, :, None], given[1, :, None], visible)

    def _decode(self, token_ids: Tensor, positions: Tensor, visible: int) -> Tensor:
        """Feed one token to each of the first rows; nothing here waits for a GPU."""
        if self._model.config._attn_implementation == ROWS:
            mask = self._unread
            arguments = {"row_lengths": (positions[:, 0] + 1).clamp(max=visible)}
        else:
            mask, arguments = self._mask(positions, visible), {}
        self._cache.place(None, positions, visible)
        return self._pass(token_ids, mask, positions, **arguments)

    @torch.inference_mode()
    def _feed(self, tokens: Sequence[Sequence[int]], rows: Sequence[int]) -> None:
        """Feed tokens to `rows`, shorter ones padded."""
        device = self._model.device
        starts = [self.lengths[row] for row in rows]
        for row, new in zip(rows, tokens, strict=True):
            self.lengths[row] += len(new)
        visible = max(self.lengths[row] for row in rows)
        width = max(map(len, tokens))
        assert width, "nothing to feed"
        token_ids = torch.tensor([[*new] + [0] * (width - len(new)) for new in tokens])
        positions = torch.tensor(starts)[:, None] + torch.arange(width)
        positions = positions.clamp(max=visible).to(device)
        self._cache.place(torch.tensor(rows, device=device), positions, visible)
        self._pass(token_ids.to(device), self._mask(positions, visible), positions)

    def _pass(
        self, token_ids: Tensor, mask: Tensor, positions: Tensor, **arguments: Tensor
    ) -> Tensor:
        """Return the logits after the padded width, in float32 at least."""
        with float32_logits(self._model):
            logits: Tensor = self._model(
                input_ids=token_ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
                **arguments,
            ).logits
        return logits[:, -1]

    def _mask(self, positions: Tensor, visible: int) -> Tensor:
        """Let each token see the positions up to its own."""
        unseen = torch.arange(visible, device=positions.device) > positions[:, None, :, None]
        mask = torch.zeros(unseen.shape, dtype=self._model.dtype, device=positions.device)
        return mask.masked_fill_(unseen, torch.finfo(mask.dtype).min)


def _groups(lengths: Mapping[int, int]) -> Iterator[list[int]]:
    """Group rows whose lengths differ by less than a factor of two, so that padding is cheap."""
    group: list[int] = []
    longest = 0
    for row in sorted(lengths, key=lambda row: (-lengths[row], row)):
        too_short = 2 * lengths[row] <= longest
        if group and (too_short or (len(group) + 1) * longest > _PREFILL_TOKENS):
            yield group
            group = []
        if not group:
            longest = lengths[row]
        group.append(row)
    if group:
        yield group
