"""L_explore against a computation by hand."""

from __future__ import annotations

import pytest
import torch

from tests.modules.small_models import SETTINGS, episodes, small_base, small_model
from tratree.data.padding import collate
from tratree.modules.explorer import ExplorerModule
from tratree.modules.imitation import SFTModule


@torch.no_grad()
def divergence_by_hand(ours: torch.nn.Module, theirs: torch.nn.Module) -> float:
    """Return KL(ours ‖ theirs) averaged over the agent's tokens, one token at a time."""
    found = []
    for sample in episodes(3):
        for position, wanted in enumerate(sample.agent_mask):
            if wanted:
                before = torch.tensor([sample.token_ids[:position]])
                p, q = (
                    torch.distributions.Categorical(logits=m(input_ids=before).logits[0, -1])
                    for m in (ours, theirs)
                )
                found.append(float(torch.distributions.kl_divergence(p, q)))
    return sum(found) / len(found)


def test_the_loss_is_sft_less_the_weighted_mean_divergence() -> None:
    model, earlier = small_model(), [small_base(1), small_base(2)]
    batch = collate(episodes(3))
    module = ExplorerModule(model, earlier, 0.3, SETTINGS)
    found = {name: total.item() / module.units(batch) for name, total in module.sums(batch).items()}
    sft = SFTModule(model, SETTINGS)
    expected_sft = sft.sums(batch)["loss"].item() / sft.units(batch)
    expected_kl = sum(divergence_by_hand(model, explorer) for explorer in earlier) / 2
    assert found["sft_loss"] == pytest.approx(expected_sft, rel=1e-5)
    assert found["kl"] == pytest.approx(expected_kl, rel=1e-4)
    assert found["loss"] == pytest.approx(expected_sft - 0.3 * expected_kl, rel=1e-4)


def test_only_the_new_explorer_is_trained() -> None:
    earlier = small_base(1)
    module = ExplorerModule(small_model(), [earlier], 0.3, SETTINGS)
    module.sums(collate(episodes(3)))["loss"].backward()
    assert all(weights.grad is None for weights in earlier.parameters())
    assert any(w.grad is not None for w in module.model.parameters() if w.requires_grad)
    assert not any("earlier" in name for name in module.state_dict())
