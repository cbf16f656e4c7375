"""The check of a loaded model: it finds a mask that is lost, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AttentionInterface, AttentionMaskInterface, LlamaForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tests.modules.small_models import small_base, small_model
from tratree.errors import UserError
from tratree.modules.attention_check import check_batches, check_packs, check_rollouts
from tratree.modules.pack_attention import EDGES, attend_by_edges
from tratree.policy.decode_attention import ROWS, attend_by_rows


def without_mask(module: Any, query: Any, key: Any, value: Any, mask: Any, **rest: Any) -> Any:
    """Attend to everything, as a layer does that loses its mask."""
    return sdpa_attention_forward(module, query, key, value, None, **{**rest, "is_causal": False})


def with_own_mask(module: Any, query: Any, key: Any, value: Any, mask: Any, **rest: Any) -> Any:
    """Attend to all that comes before, whatever mask is given."""
    causal = {**rest, "is_causal": query.shape[2] > 1}
    return sdpa_attention_forward(module, query, key, value, None, **causal)


def base_that_attends_by(attention: Any, name: str) -> LlamaForCausalLM:
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, sdpa_mask)
    model = small_base()
    for weights in model.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=weights.shape[-1] ** -0.5)
    model.set_attn_implementation(name)
    return model


def test_a_model_that_sees_what_is_hidden_is_refused_by_name() -> None:
    blind = base_that_attends_by(without_mask, "test_without_mask")
    with pytest.raises(UserError, match="LlamaForCausalLM cannot be trained: a token sees"):
        check_batches(blind)
    own = base_that_attends_by(with_own_mask, "test_own_mask")
    check_batches(own)
    own.config._attn_implementation_internal = "sdpa"  # what packs ask for before they bring a mask
    for layer in own.model.layers:
        layer.self_attn.config = type(own.config)(**own.config.to_dict())
        layer.self_attn.config._attn_implementation = "test_own_mask"
    with pytest.raises(UserError, match="LlamaForCausalLM cannot be packed: branches"):
        check_packs(own)
    with pytest.raises(UserError, match="LlamaForCausalLM cannot be played: rows"):
        check_rollouts(own)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_check_passes_and_changes_nothing(dtype: torch.dtype) -> None:
    model = small_base().to(dtype).train()
    state = torch.get_rng_state()
    check_batches(model)
    check_packs(model)
    check_rollouts(model)
    assert model.training
    assert model.config._attn_implementation == "sdpa"
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weights.grad is None for weights in model.parameters())
    check_packs(small_model().train())


def test_arguments_that_do_not_arrive_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_base()
    attend_by_edges(model)
    assert model.config._attn_implementation == EDGES
    model.set_attn_implementation("sdpa")
    attend_by_rows(model)
    assert model.config._attn_implementation == ROWS
    model.set_attn_implementation("sdpa")
    forward = type(model.model.layers[0].self_attn).forward

    def deaf(self: Any, hidden_states: Any, **given: Any) -> Any:
        kept = {n: v for n, v in given.items() if n not in ("edges", "row_lengths")}
        return forward(self, hidden_states, **kept)

    monkeypatch.setattr(type(model.model.layers[0].self_attn), "forward", deaf)
    for attend in (attend_by_edges, attend_by_rows):
        attend(model)
        assert model.config._attn_implementation == "sdpa"
    check_packs(model)
    check_rollouts(model)


def test_weights_that_are_no_numbers_are_named() -> None:
    model = small_base()
    with torch.no_grad():
        model.model.norm.weight[0] = torch.nan
    with pytest.raises(UserError, match="logits of LlamaForCausalLM are not finite"):
        check_rollouts(model)
