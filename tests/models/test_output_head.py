"""Log-probabilities in float32 of models that compute with fewer digits."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from tests.modules.small_models import random_tree, small_base
from tratree.data.packing import Pack, pack_sequences
from tratree.data.padding import Batch, collate
from tratree.models import output_head
from tratree.models.lora import add_lora
from tratree.models.output_head import log_probs_without_logits
from tratree.models.settings import LoraSettings
from tratree.modules.log_probabilities import token_log_probs, trained_logits

SIDES = [side for pair in random_tree(3) for side in (pair.chosen, pair.rejected)]


def loud_base() -> torch.nn.Module:
    """Return a model whose logits are as large as a trained one's, and so rounded by bfloat16."""
    model = small_base()
    with torch.no_grad():
        model.lm_head.weight.mul_(150)
    return model


def with_the_models_logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Return log-probabilities from the logits as the model rounds them."""
    columns = batch.agent_mask[:, 1:].any(0).nonzero()[:, 0]
    logits = model(batch.token_ids[:, :-1], use_cache=False, logits_to_keep=columns).logits
    mask = batch.agent_mask[:, 1:]
    targets = batch.token_ids[:, 1:][mask]
    return logits[mask[:, columns]].float().log_softmax(-1).gather(-1, targets[:, None])[:, 0]


def float32_head(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Return log-probabilities of the model's own hidden states and a float32 output layer."""
    hidden = model.model(batch.token_ids[:, :-1], use_cache=False).last_hidden_state
    mask = batch.agent_mask[:, 1:]
    logits = hidden[mask].double() @ model.lm_head.weight.double().T
    targets = batch.token_ids[:, 1:][mask]
    return logits.log_softmax(-1).gather(-1, targets[:, None])[:, 0]


def test_logits_of_a_16_bit_model_are_not_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_head, "ROWS", 7)
    model, batch = loud_base().to(torch.bfloat16), collate(SIDES)
    with torch.no_grad():
        exact = float32_head(model, batch)
        found = token_log_probs(model, batch)
        rounded = with_the_models_logits(model, batch)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 1e-4
    assert (rounded - exact).abs().max() > 1e-2
    assert trained_logits(model, batch).dtype == torch.float32


@pytest.mark.parametrize("make", [collate, pack_sequences])
@pytest.mark.parametrize("mixed", [False, True])
def test_gradients_are_those_of_float32(monkeypatch, make, mixed: bool) -> None:
    monkeypatch.setattr(output_head, "ROWS", 7)
    batch: Batch | Pack = make(SIDES)
    gradients = []
    for dtype in (torch.float64, torch.float32 if mixed else torch.bfloat16):
        model = add_lora(loud_base().to(dtype), LoraSettings(rank=4), seed=0)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed and dtype == torch.float32):
            assert log_probs_without_logits(model) == (dtype != torch.float64)
            token_log_probs(model, batch).sum().backward()
        found = [p.grad.flatten().double() for p in model.parameters() if p.grad is not None]
        gradients.append(torch.cat(found))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999


def test_a_model_that_caps_its_logits_still_does() -> None:
    config = Gemma2Config(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        final_logit_softcapping=2.0,
        attn_implementation="eager",
    )
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(config).eval()
    batch = collate(SIDES)
    with torch.no_grad():
        wanted = token_log_probs(copy.deepcopy(model).double(), batch)
        short = model.to(torch.bfloat16)
        assert not log_probs_without_logits(short)
        assert trained_logits(short, batch).abs().max() <= 2
        assert (token_log_probs(short, batch) - wanted).abs().max() < 0.05


def test_looking_at_a_model_draws_nothing() -> None:
    model = small_base().to(torch.bfloat16).train()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert log_probs_without_logits(model)
    assert torch.equal(torch.rand(3), expected)
