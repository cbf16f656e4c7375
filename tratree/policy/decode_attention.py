"""Attention of each row's next token: to its own row, and on the CPU no further than that goes."""

from __future__ import annotations

from functools import partial
from math import exp
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from tratree.models.attention import register_attention
from tratree.models.masks import hands_on
from tratree.tree.compiled import compiled

ROWS = "tratree_rows"
"""Name of `row_attention` among transformers' attention implementations."""

GROUPS = "tratree_groups"
"""Name of `group_attention` among them."""

Array = NDArray[np.floating[Any]]


def attend_by_rows(model: PreTrainedModel) -> None:
    """Let a model that attends by SDPA use what is better for single tokens.

    On the CPU, in float32 or float64, that is `row_attention`. Rows of a batch differ in length.
    SDPA reads the keys and values of all up to the longest, which takes most of the time of a small
    model; here each row is read up to its own end. A model that does not hand the rows' lengths on
    to its attention keeps SDPA with a mask. Elsewhere it is `group_attention`.
    """
    if model.config._attn_implementation != "sdpa":
        return
    if model.device.type != "cpu" or model.dtype not in (torch.float32, torch.float64):
        model.set_attn_implementation(GROUPS)
        return
    model.set_attn_implementation(ROWS)
    if not hands_on(model, row_lengths=torch.ones(1, dtype=torch.long)):
        model.set_attn_implementation("sdpa")


def row_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scaling: float | None = None,
    row_lengths: Tensor | None = None,
    **_: Any,
) -> Tensor | None:
    """Attend row by row to the keys of one query each; reads no mask, and drops no weights.

    Args:
        query: [R, heads, 1, head size].
        key: [R, key-value heads, L, head size].
        value: Like `key`, of a head size that may be its own.
        mask: Not read.
        scaling: Multiplies the scores.
        row_lengths: [R], at least 1 and at most L: how much of a row its query attends to.

    Returns:
        [R, 1, heads, head size of `value`].
    """
    if row_lengths is None:
        return None
    output = torch.empty(query.shape[0], 1, query.shape[1], value.shape[3], dtype=query.dtype)
    _attend(
        (query[:, :, 0] * (query.shape[-1] ** -0.5 if scaling is None else scaling)).numpy(),
        _whole_slots(key).numpy(),
        _whole_slots(value).numpy(),
        row_lengths.numpy(),
        output[:, 0].numpy(),
    )
    return output


def group_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scaling: float | None = None,
    **_: Any,
) -> Tensor | None:
    """Attend with the heads that share keys as the queries of one head, for one query a row.

    SDPA with a mask would first copy all keys and values for each of those heads.

    Args:
        query: [R, heads, 1, head size].
        key: [R, key-value heads, L, head size].
        value: Like `key`.
        mask: [R, 1, 1, L], added to the scores.
        scaling: Multiplies the scores.

    Returns:
        [R, 1, heads, head size of `value`].
    """
    rows, heads, width, size = query.shape
    if width > 1 or heads == key.shape[1] or mask is None or mask.shape[1] > 1:
        return None
    said = scaled_dot_product_attention(
        query.reshape(rows, key.shape[1], heads // key.shape[1], size),
        key,
        value,
        attn_mask=mask,
        scale=scaling,
    )
    return said.reshape(rows, 1, heads, value.shape[3])


def _whole_slots(visible: Tensor) -> Tensor:
    """Return one block of memory: the visible positions of a cache with those behind them."""
    rows, heads, _, size = visible.shape
    return visible.as_strided((rows, heads, visible.stride(1) // size, size), visible.stride())


@partial(compiled, fastmath={"reassoc", "contract"})
def _attend(query: Array, key: Array, value: Array, lengths: Array, output: Array) -> None:
    rows, heads, size = query.shape
    groups = heads // key.shape[1]
    weights = np.empty(lengths.max(), query.dtype)
    for row in range(rows):
        for head in range(heads):
            asked, keys, values = (
                query[row, head],
                key[row, head // groups],
                value[row, head // groups],
            )
            highest = -np.inf
            for place in range(lengths[row]):
                score = asked[0] * keys[place, 0]
                for index in range(1, size):
                    score += asked[index] * keys[place, index]
                weights[place] = score
                highest = max(highest, score)
            total = 0.0
            for place in range(lengths[row]):
                weights[place] = exp(weights[place] - highest)
                total += weights[place]
            said = output[row, head]
            said[:] = 0
            for place in range(lengths[row]):
                weight = weights[place]
                for index in range(len(said)):
                    said[index] += weight * values[place, index]
            for index in range(len(said)):
                said[index] /= total


register_attention(ROWS, row_attention)
register_attention(GROUPS, group_attention)
