"""Attention within a pack: each token sees the tokens before it in its own sequences only."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers.integrations.sdpa_attention import repeat_kv

from tratree.data.packing import Pack
from tratree.errors import UserError
from tratree.models.adapted import CausalModel
from tratree.models.architecture import check_context
from tratree.models.attention import register_attention
from tratree.models.masks import hands_on, unread_mask, working_weights
from tratree.modules.block_attention import BLOCKS, attend_by_blocks, block_mask

LONGEST_EDGE = 128
"""Tokens; SDPA with a mask computes all of an edge's attention to itself, though half is hidden."""

EDGES = "tratree_edges"
"""Name of `edge_attention` among transformers' attention implementations."""


class Edges(NamedTuple):
    """The runs of a pack's trie without a branch inside, cut where long, for `edge_attention`.

    Attributes:
        lengths: Tokens of each edge; together they are the pack.
        ancestors: For each edge, the edges that lead to it, from the root down.
        masks: For each edge with ancestors, [1, 1, its tokens, theirs and its own], added to the
            attention scores; None for an edge without.
    """

    lengths: list[int]
    ancestors: list[list[int]]
    masks: list[Tensor | None]


def attend_to_packs(model: CausalModel) -> None:
    """Let a model that attends by SDPA attend to packs in the way that suits its device.

    On the CPU edge by edge, on a GPU by blocks where those work, else with a mask of all tokens.
    """
    if model.device.type == "cpu":
        attend_by_edges(model)
    else:
        attend_by_blocks(model)


def attend_by_edges(model: CausalModel) -> None:
    """Let a model that attends by SDPA on the CPU attend to packs edge by edge.

    An edge of the trie then attends to what leads to it and to nothing else, while SDPA with a
    mask computes a whole tokens × tokens square. Anything but packs is attended to as before, and
    a model that does not hand the edges on to its attention keeps SDPA with a mask.
    """
    if model.config._attn_implementation == "sdpa" and model.device.type == "cpu":
        model.set_attn_implementation(EDGES)
        if not hands_on(model, edges=Edges([1], [[]], [None])):
            model.set_attn_implementation("sdpa")


def attention_arguments(model: CausalModel, pack: Pack) -> dict[str, Any]:
    """Return what the model's forward pass must be given to attend within `pack`.

    Raises:
        UserError: If the model's attention implementation takes no mask, or a sequence is longer
            than the window of tokens that the model attends over.
    """
    name = model.config._attn_implementation
    try:
        check_context(model.config, int(pack.position_ids.max()) + 1)
    except UserError as error:
        raise UserError(f"a tree is too long to be trained in one pass: {error}") from None
    if name == EDGES:
        return {"attention_mask": unread_mask(model), "edges": _edges(model, pack.subtree_end)}
    if name in (BLOCKS, "flex_attention"):
        return {"attention_mask": block_mask(pack.subtree_end)}
    if name in ("sdpa", "eager"):
        return {"attention_mask": _mask(model, pack.subtree_end)}
    raise UserError(
        f"attention {name} takes no mask, so it cannot train a tree in one pass: use sdpa or "
        "flex_attention, or method.packing=pairwise, method.whole_trees=false"
    )


def edge_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    edges: Edges | None = None,
    **_: Any,
) -> Tensor | None:
    """Attend edge by edge to a pack, [1, heads, L, head size], given its `edges`; reads no mask."""
    if edges is None:
        return None
    groups = query.shape[1] // key.shape[1]
    queries, keys, values = (
        states.split(edges.lengths, dim=2)
        for states in (query, repeat_kv(key, groups), repeat_kv(value, groups))
    )
    outputs = []
    for edge, (above, hidden) in enumerate(zip(edges.ancestors, edges.masks, strict=True)):
        seen = [*above, edge]
        outputs.append(
            scaled_dot_product_attention(
                queries[edge],
                torch.cat([keys[e] for e in seen], dim=2),
                torch.cat([values[e] for e in seen], dim=2),
                attn_mask=hidden,
                is_causal=hidden is None,
                dropout_p=dropout,
                scale=scaling,
            )
        )
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous()


def _mask(model: Any, subtree_end: Tensor) -> Tensor:
    place = torch.arange(len(subtree_end), device=subtree_end.device)
    hidden = (place[:, None] < place) | (place[:, None] >= subtree_end)
    mask = working_weights(model).new_zeros(hidden.shape)
    return mask.masked_fill_(hidden, torch.finfo(mask.dtype).min)[None, None]


def _edges(model: Any, subtree_end: Tensor) -> Edges:
    # Tokens that follow each other have the same end if and only if one only follows the other.
    runs = torch.unique_consecutive(subtree_end, return_counts=True)[1].tolist()
    lengths = [
        min(LONGEST_EDGE, run - first) for run in runs for first in range(0, run, LONGEST_EDGE)
    ]
    starts = [sum(lengths[:edge]) for edge in range(len(lengths))]
    ends = subtree_end[starts].tolist()
    ancestors = [[a for a in range(e) if ends[a] > start] for e, start in enumerate(starts)]
    masks: list[Tensor | None] = []
    for edge, above in enumerate(ancestors):
        before, own = sum(lengths[a] for a in above), lengths[edge]
        mask = working_weights(model).new_full((own, before + own), -torch.inf).triu(before + 1)
        masks.append(mask[None, None] if above else None)
    return Edges(lengths, ancestors, masks)


register_attention(EDGES, edge_attention)
