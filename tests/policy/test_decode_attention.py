"""Attention row by row: what SDPA says, and nothing from beyond a row's end."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tests.policy.test_live_batch import random_model
from tratree.policy.decode_attention import GROUPS, ROWS
from tratree.policy.live_batch import LiveBatch

row_attention, group_attention = (AttentionInterface()[name] for name in (ROWS, GROUPS))


def cached(rows: int, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """Return the visible part of a cache with more slots and positions than are in use."""
    return torch.randn(rows + 2, heads, 16, 8, dtype=dtype)[:rows, :, :11]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 1e-6)])
@pytest.mark.parametrize("key_heads", [6, 3, 1])
def test_it_says_what_sdpa_says(dtype, tolerance, key_heads):
    torch.manual_seed(0)
    query = torch.randn(4, 1, 6, 8, dtype=dtype).transpose(1, 2)
    key, value = cached(4, key_heads, dtype), cached(4, key_heads, dtype)
    lengths = torch.tensor([11, 1, 5, 8])
    said, _ = row_attention(torch.nn.Module(), query, key, value, None, row_lengths=lengths)
    assert said.shape == (4, 1, 6, 8)
    assert said.dtype == dtype
    for row, length in enumerate(lengths.tolist()):
        one = slice(row, row + 1)
        expected = scaled_dot_product_attention(
            query[one], key[one, :, :length], value[one, :, :length], enable_gqa=True
        )
        assert (said[one].transpose(1, 2) - expected).abs().max() < tolerance


def test_values_may_have_another_head_size():
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 2, 1, 8), torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 12)
    said, _ = row_attention(
        torch.nn.Module(), query, key, value, None, row_lengths=torch.tensor([5])
    )
    expected = scaled_dot_product_attention(query, key, value)
    assert said.shape == (1, 1, 2, 12)
    assert (said.transpose(1, 2) - expected).abs().max() < 1e-6


def test_large_scores_do_not_overflow():
    query, key, value = (
        torch.full((1, 1, 1, 8), 1e3),
        torch.ones(1, 1, 2, 8),
        torch.rand(1, 1, 2, 8),
    )
    key[0, 0, 1] = -1
    said, _ = row_attention(
        torch.nn.Module(), query, key, value, None, row_lengths=torch.tensor([2])
    )
    assert said[0, 0, 0].equal(value[0, 0, 0])


def test_a_row_does_not_depend_on_the_others():
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, n, 8).double() for n in (1, 9, 9))
    together, _ = row_attention(
        torch.nn.Module(), query, key, value, None, row_lengths=torch.tensor([9, 4, 6])
    )
    alone, _ = row_attention(
        torch.nn.Module(),
        *(states[1:2] for states in (query, key, value)),
        None,
        row_lengths=torch.tensor([4]),
    )
    assert together[1].equal(alone[0])


@pytest.mark.parametrize(
    ("attention", "dtype", "used"),
    [
        ("sdpa", torch.float64, ROWS),
        ("sdpa", torch.float32, ROWS),
        ("sdpa", torch.bfloat16, GROUPS),
        ("eager", torch.float64, "eager"),
    ],
)
def test_a_batch_uses_it_where_it_can(attention, dtype, used):
    model = random_model("llama", attention, adapter=False).to(dtype)
    LiveBatch(model, slots=1, max_context=8)
    assert model.config._attn_implementation == used


@pytest.mark.parametrize("key_heads", [6, 3, 1])
def test_heads_that_share_keys_are_the_queries_of_one(key_heads):
    torch.manual_seed(0)
    query = torch.randn(4, 1, 6, 8).double().transpose(1, 2)
    key, value = cached(4, key_heads, torch.float64), cached(4, key_heads, torch.float64)
    mask = torch.zeros(4, 1, 1, 11).double().masked_fill(torch.rand(4, 1, 1, 11) < 0.4, -1e30)
    module = torch.nn.Module()
    module.num_key_value_groups = 6 // key_heads
    said, _ = group_attention(module, query, key, value, mask, scaling=0.3)
    expected, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=0.3)
    assert said.shape == expected.shape == (4, 1, 6, 8)
    torch.testing.assert_close(said, expected, rtol=1e-12, atol=1e-12)
