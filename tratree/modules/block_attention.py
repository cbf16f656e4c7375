"""Attention within a pack on a GPU: FlexAttention, which passes over blocks that nobody sees."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers.integrations.sdpa_attention import repeat_kv

from tratree.models.adapted import CausalModel
from tratree.models.attention import register_attention
from tratree.models.masks import working_weights

BLOCKS = "tratree_blocks"
"""Name of `block_attention` among transformers' attention implementations."""

_TRIED_TOKENS = 256
_OPTIONS: Any = {"FORCE_USE_FLEX_ATTENTION": True}  # no other kernel, another graph, for few tokens


def attend_by_blocks(model: CausalModel) -> bool:
    """Let a model that attends by SDPA attend to packs by FlexAttention, where that works.

    It needs a compiler for the GPU, and room there for its kernels. What is not a pack is attended
    to as before. Where it fails, as it does on a CPU, the model keeps SDPA with a mask.

    Returns:
        Whether packs are attended to by FlexAttention.
    """
    before = model.config._attn_implementation
    if before != "sdpa":
        return before == BLOCKS
    try:
        _try_kernels(model)
        model.set_attn_implementation(BLOCKS)
        _try_model(model)
    except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError):
        model.set_attn_implementation("sdpa")
        return False
    return True


def block_mask(subtree_end: Tensor) -> BlockMask:
    """Return which tokens of a pack see which, see `Pack.subtree_end`."""

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query < subtree_end[key])

    length = len(subtree_end)
    return create_block_mask(sees, None, None, length, length, device=subtree_end.device)


def block_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> Tensor | None:
    """Attend by blocks to a pack, [1, heads, L, head size], given a mask of `block_mask`.

    Raises:
        ValueError: If attention weights of a pack are to be dropped.
    """
    if not isinstance(mask, BlockMask):
        return None
    if dropout:
        raise ValueError("FlexAttention drops no weights")
    groups = query.shape[1] // key.shape[1]
    output: Tensor = compiled()(
        query,
        repeat_kv(key, groups),
        repeat_kv(value, groups),
        block_mask=mask,
        scale=scaling,
        kernel_options=_OPTIONS,
    )
    return output.transpose(1, 2).contiguous()


@cache
def compiled() -> Any:
    """Return FlexAttention compiled for any length: a graph for each would take minutes."""
    return torch.compile(flex_attention, dynamic=True)


def _try_kernels(model: CausalModel) -> None:
    """Attend forward and backward with the model's shapes, away from its layers and gradients."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    like = working_weights(model)
    states = like.new_zeros(1, heads, _TRIED_TOKENS, size).requires_grad_()
    with torch.enable_grad():
        said = block_attention(states, states, states, _all_before(like))
        assert said is not None
        said.sum().backward()


@torch.no_grad()  # a sharded model knows no inference mode
def _try_model(model: CausalModel) -> None:
    """Let the model hand a mask of blocks on to its attention."""
    like = working_weights(model)
    token_ids = torch.full((1, _TRIED_TOKENS), 3, device=like.device)
    model(input_ids=token_ids, attention_mask=_all_before(like), use_cache=False)


def _all_before(like: Tensor) -> BlockMask:
    return block_mask(torch.full((_TRIED_TOKENS,), _TRIED_TOKENS, device=like.device))


register_attention(BLOCKS, block_attention)
