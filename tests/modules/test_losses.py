"""Losses against a computation by hand, and the masks that they respect."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
import torch

from tests.modules.small_models import (
    SETTINGS,
    episode,
    episodes,
    score_sequences,
    small_base,
    small_model,
)
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, PairBatch, collate_pairs
from tratree.errors import UserError
from tratree.modules.adapter_module import (
    AdapterModule,
    learning_rate_factor,
    learning_rate_schedule,
)
from tratree.modules.imitation import MCTSImitationModule, SFTModule
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule, dpo_loss
from tratree.policy.encoding import EncodedTrajectory


def figures(module: AdapterModule, batch: Any) -> dict[str, float]:
    """Return what a step of this one batch would log."""
    units = module.units(batch)
    return {name: total.item() / units for name, total in module.sums(batch).items()}


def batch_of_pairs(pairs: list[EncodedPair]) -> PairBatch:
    return collate_pairs(pairs, collate)


@torch.no_grad()
def log_prob_by_hand(model: torch.nn.Module, sample: EncodedTrajectory) -> tuple[float, int]:
    """Return log π of the masked tokens, one token at a time, and their number."""
    total, count = 0.0, 0
    for position, wanted in enumerate(sample.agent_mask):
        if wanted:
            before = torch.tensor([sample.token_ids[:position]])
            logits = model(input_ids=before).logits[0, -1].double()
            total += float(logits.log_softmax(-1)[sample.token_ids[position]])
            count += 1
    return total, count


@pytest.fixture(scope="module")
def by_hand() -> list[tuple[float, int]]:
    model = small_model()
    return [log_prob_by_hand(model, sample) for sample in episodes(3)]


def test_sft_is_the_mean_over_the_agents_tokens(by_hand: list[tuple[float, int]]) -> None:
    loss = figures(SFTModule(small_model(), SETTINGS), collate(episodes(3)))["loss"]
    total, count = (sum(values) for values in zip(*by_hand, strict=True))
    assert loss == pytest.approx(-total / count, rel=1e-5)


def test_imitation_sums_over_a_path_and_averages_over_paths(
    by_hand: list[tuple[float, int]],
) -> None:
    module = MCTSImitationModule(small_model(), SETTINGS)
    loss = figures(module, collate(episodes(3)))["loss"]
    assert loss == pytest.approx(-sum(total for total, _ in by_hand) / 3, rel=1e-5)
    tokens = figures(module, collate(episodes(3)))["tokens"]
    assert tokens == sum(count for _, count in by_hand) / 3


def test_golden_losses() -> None:
    batch = collate(episodes(3))
    pairs = [EncodedPair(episode(n), episode(n + 9), (-20.0, -21.0)) for n in (1, 2)]
    model = small_model()
    assert figures(SFTModule(model, SETTINGS), batch)["loss"] == pytest.approx(3.97517, rel=1e-5)
    imitation = figures(MCTSImitationModule(model, SETTINGS), batch)
    assert imitation["loss"] == pytest.approx(17.22574, rel=1e-5)
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    preference = figures(module, batch_of_pairs(pairs))
    assert preference["loss"] == pytest.approx(0.875405, rel=1e-5)


def test_observation_tokens_are_never_targets() -> None:
    sample = episode(1)
    last = len(sample.agent_mask) - 2
    while sample.agent_mask[last]:
        last -= 1
    mask = tuple(on and position < last for position, on in enumerate(sample.agent_mask))
    tokens = list(sample.token_ids)
    tokens[last] = (tokens[last] + 1) % 50
    changed = replace(sample, token_ids=tuple(tokens), agent_mask=mask)
    module = SFTModule(small_model(), SETTINGS)
    losses = [
        figures(module, collate([s]))["loss"] for s in (replace(sample, agent_mask=mask), changed)
    ]
    assert losses[0] == losses[1]


def test_padding_changes_nothing() -> None:
    model = small_model()
    alone = sequence_log_probs(model, collate([episode(0, length=8)]))
    padded = sequence_log_probs(model, collate([episode(0, length=8), episode(1, length=30)]))
    assert padded[0].item() == pytest.approx(alone[0].item(), rel=1e-5)


def test_scores_do_not_depend_on_how_they_are_batched() -> None:
    model, samples = small_base(), episodes(7)
    expected = [log_prob_by_hand(model, sample)[0] for sample in samples]
    for pack_tokens, tokens in ((None, 16384), (None, 1), (4096, 1), (1, 1), (20, 1)):
        scores = score_sequences(model, samples, pack_tokens=pack_tokens, tokens=tokens)
        assert scores == pytest.approx(expected, rel=1e-5)


def test_tree_dpo_by_hand() -> None:
    policy, reference = small_model(0), small_base(1)
    chosen, rejected = episode(3), episode(4, length=15)
    scores = score_sequences(reference, [chosen, rejected], pack_tokens=None)
    pair = EncodedPair(chosen, rejected, (scores[0], scores[1]))
    module = TreeDPOModule(policy, SETTINGS, DPOSettings(beta=0.3))
    logged = figures(module, batch_of_pairs([pair]))
    up, down = (
        log_prob_by_hand(policy, side)[0] - log_prob_by_hand(reference, side)[0]
        for side in (chosen, rejected)
    )
    expected = math.log1p(math.exp(-0.3 * (up - down)))
    assert logged["loss"] == pytest.approx(expected, rel=1e-4)
    assert logged["margin"] == pytest.approx(0.3 * (up - down), rel=1e-4)
    assert logged["accuracy"] == float(up > down)


def test_a_policy_equal_to_the_reference_has_the_loss_of_a_coin() -> None:
    model = small_model()
    chosen, rejected = episode(3), episode(4)
    scores = score_sequences(model, [chosen, rejected], pack_tokens=None)
    pair = EncodedPair(chosen, rejected, (scores[0], scores[1]))
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    loss = figures(module, batch_of_pairs([pair]))["loss"]
    assert loss == pytest.approx(math.log(2), rel=1e-5)


def test_length_normalised_preferences_compare_means_over_tokens() -> None:
    policy = small_model()
    chosen, rejected = episode(3), episode(4, length=15)
    batch = batch_of_pairs([EncodedPair(chosen, rejected, (-3.0, -5.0))])
    dpo = DPOSettings(beta=0.3, length_normalised=True)
    logged = figures(TreeDPOModule(policy, SETTINGS, dpo), batch)
    (up, ups), (down, downs) = (log_prob_by_hand(policy, side) for side in (chosen, rejected))
    expected = 0.3 * ((up + 3.0) / ups - (down + 5.0) / downs)
    assert logged["margin"] == pytest.approx(expected, rel=1e-4)


def test_label_smoothing_mixes_both_directions() -> None:
    chosen, rejected = torch.tensor([0.7]), torch.tensor([0.0])
    smoothed = dpo_loss(chosen, rejected, DPOSettings(label_smoothing=0.2))
    right = dpo_loss(chosen, rejected, DPOSettings())
    wrong = dpo_loss(rejected, chosen, DPOSettings())
    assert smoothed.item() == pytest.approx((0.8 * right + 0.2 * wrong).item())


@pytest.mark.parametrize("loss", get_args(get_type_hints(DPOSettings)["loss"]))
def test_every_loss_falls_where_the_chosen_side_gains_on_the_rejected_one(loss: str) -> None:
    dpo = DPOSettings(loss=loss, label_smoothing=0.1 if loss == "robust" else 0.0)
    gains = torch.linspace(-4, 0.4, 12)  # hinge and ipo are at their lowest at 1 and 1/2
    losses = dpo_loss(torch.zeros(12), -gains, dpo)
    assert (losses.diff() < 0).all()


def test_the_likelihood_of_the_chosen_side_is_added_as_a_mean_over_its_tokens() -> None:
    policy = small_model()
    chosen, rejected = episode(3), episode(4, length=15)
    batch = batch_of_pairs([EncodedPair(chosen, rejected, (-3.0, -5.0))])
    plain, weighted = (
        figures(TreeDPOModule(policy, SETTINGS, DPOSettings(nll_weight=w)), batch)["loss"]
        for w in (0.0, 0.5)
    )
    total, count = log_prob_by_hand(policy, chosen)
    assert weighted - plain == pytest.approx(-0.5 * total / count, rel=1e-4)


def test_constants_without_meaning_are_refused() -> None:
    with pytest.raises(UserError, match=r"label_smoothing=0\.1 has no meaning for loss=ipo"):
        DPOSettings(loss="ipo", label_smoothing=0.1)
    with pytest.raises(UserError, match="loss=robust needs label_smoothing"):
        DPOSettings(loss="robust")


def test_learning_rate_rises_then_falls() -> None:
    settings = replace(SETTINGS, warmup_share=0.2)
    factors = [learning_rate_factor(step, 50, settings) for step in range(50)]
    assert factors[:10] == sorted(factors[:10])
    assert factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert 0 < factors[-1] < 0.01
    assert learning_rate_factor(40, 50, replace(settings, schedule="constant")) == 1.0


def test_the_constant_schedule_of_transformers_is_theirs() -> None:
    settings = replace(SETTINGS, warmup_share=0.03, schedule="constant_with_warmup")
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=2e-5)
    schedule = learning_rate_schedule(optimizer, 100, settings)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:4] == pytest.approx([0.0, 2e-5 / 3, 4e-5 / 3, 2e-5])  # ceil(0.03 × 100) steps
    assert set(rates[3:]) == {2e-5}


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"clip": -1.0},
        {"warmup_share": 1.0},
        {"schedule": "stairs"},
        {"precision": "16-mixed"},
        {"devices": 2},
    ],
)
def test_settings_out_of_range_say_what_to_do(change: dict) -> None:
    with pytest.raises(UserError, match=next(iter(change))):
        replace(SETTINGS, **change)
