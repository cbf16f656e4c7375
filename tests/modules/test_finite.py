"""NaN or infinity ends a fine-tuning before anything is stored; the right cause is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.modules.small_models import SETTINGS, episodes, random_tree, small_model
from tratree.data.episodes import EpisodeDataModule
from tratree.data.pairs import PairDataModule
from tratree.errors import UserError
from tratree.modules.finite import check_scores, check_weights
from tratree.modules.fit import fit
from tratree.modules.imitation import SFTModule
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule


def weights_of(model: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters() if p.requires_grad]


def test_a_learning_rate_too_high_for_one_step_stores_nothing(tmp_path: Path) -> None:
    settings = replace(SETTINGS, learning_rate=1e38, epochs=1, warmup_share=0.0)
    module = SFTModule(small_model(), settings)
    data = EpisodeDataModule(episodes(4), 64)
    fit(module, data, folder=tmp_path / "one", seed=0)  # its only step began with finite weights
    with pytest.raises(UserError, match="trained weights are not finite: lower the learning rate"):
        check_weights(module.model)
    module = SFTModule(small_model(), replace(settings, epochs=3))
    with pytest.raises(UserError, match="not after step 1: lower the learning rate"):
        fit(module, data, folder=tmp_path / "three", seed=0)


@pytest.mark.parametrize("reference", [float("nan"), float("-inf")])
def test_a_reference_that_is_no_number_is_blamed(tmp_path: Path, reference: float) -> None:
    pairs = [replace(p, reference=(reference, -1.0)) for p in random_tree(0)]
    module = TreeDPOModule(small_model(), SETTINGS, DPOSettings())
    before = weights_of(module.model)
    with pytest.raises(UserError, match="reference's log-probabilities are not"):
        fit(module, PairDataModule(pairs, 64), folder=tmp_path, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, weights_of(module.model), strict=True))
    with pytest.raises(UserError, match=r"model\.dtype is too small"):
        check_scores([0.0, reference])


def test_before_any_update_the_number_type_is_blamed(tmp_path: Path) -> None:
    module = TreeDPOModule(small_model(), SETTINGS, DPOSettings(beta=1e38))
    with pytest.raises(UserError, match="before any update: the number type"):
        fit(module, PairDataModule(random_tree(0), 64), folder=tmp_path, seed=0)
