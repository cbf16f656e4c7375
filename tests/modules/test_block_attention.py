"""Attention by blocks: what SDPA says, a few graphs, and a way back where it does not work."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention.flex_attention import flex_attention

from tests.modules.small_models import random_tree, small_base
from tratree.data.packing import pack_sequences
from tratree.modules import block_attention, pack_attention
from tratree.modules.attention_check import check_batches, check_packs
from tratree.modules.block_attention import BLOCKS, attend_by_blocks
from tratree.modules.log_probabilities import token_log_probs


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let FlexAttention run uncompiled; only its backward pass needs a GPU."""
    monkeypatch.setattr(block_attention, "_try_kernels", lambda model: None)
    monkeypatch.setattr(block_attention, "compiled", lambda: flex_attention)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@torch.inference_mode()
def test_it_says_what_a_mask_says(as_on_a_gpu: None) -> None:
    model = small_base()
    pack = pack_sequences([s for p in random_tree(1) for s in (p.chosen, p.rejected)])
    expected = token_log_probs(model, pack)
    assert attend_by_blocks(model)
    assert model.config._attn_implementation == BLOCKS
    check_packs(model)
    check_batches(model)  # padded batches are attended to as before
    assert (token_log_probs(model, pack) - expected).abs().max() < 1e-5
    assert attend_by_blocks(model)


def test_without_its_kernels_the_mask_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_base()
    monkeypatch.setattr(type(model), "device", torch.device("meta"))  # not a CPU
    pack_attention.attend_to_packs(model)
    assert model.config._attn_implementation == "sdpa"
    assert not any(weights.grad is not None for weights in model.parameters())


def test_a_model_that_reads_no_blocks_keeps_the_mask(
    as_on_a_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_base()

    def fail(*_: object, **__: object) -> None:
        raise AttributeError("'BlockMask' object has no attribute 'dim'")

    monkeypatch.setattr(model.model, "forward", fail)
    assert not attend_by_blocks(model)
    assert model.config._attn_implementation == "sdpa"
