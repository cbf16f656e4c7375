"""KTO: both labels of it together are a loss of pairs that TRL's trainer was compared with."""

from __future__ import annotations

import pytest

from tests.modules.small_models import SETTINGS, episodes, small_model
from tratree.data.labels import LabelDataModule, LabelledTrajectory
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, collate_pairs
from tratree.errors import UserError
from tratree.modules.kto import KTOModule
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule


def labelled() -> list[LabelledTrajectory]:
    return [
        LabelledTrajectory(e, number % 2 == 0, -20.0 + number, f"task {number // 3}")
        for number, e in enumerate(episodes(8))
    ]


def test_the_loss_of_both_labels_is_apo_zero_of_a_pair() -> None:
    model, dpo = small_model(), DPOSettings(beta=0.3)
    wanted, unwanted = labelled()[:2]
    pair = EncodedPair(
        wanted.trajectory, unwanted.trajectory, (wanted.reference, unwanted.reference)
    )
    paired = TreeDPOModule(model, SETTINGS, DPOSettings(beta=0.3, loss="apo_zero"))
    expected = paired.sums(collate_pairs([pair], collate))["loss"].item()
    data = LabelDataModule([wanted, unwanted], context=100)
    (batch,) = data.collate(data.samples, 2)
    found = KTOModule(model, SETTINGS, dpo).sums(batch)
    assert found["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_packs_and_padding_and_any_cut_give_the_same() -> None:
    model = small_model()
    module = KTOModule(model, SETTINGS, DPOSettings(beta=0.3))
    totals = []
    for size, pack_tokens in ((8, None), (3, None), (8, 1000), (8, 30)):
        data = LabelDataModule(labelled(), context=100, pack_tokens=pack_tokens)
        batches = data.collate(data.samples, size)
        assert sum(map(module.units, batches)) == 8
        totals.append(sum(module.sums(batch)["loss"].item() for batch in batches))
    assert totals == pytest.approx([totals[0]] * 4, rel=1e-5)


def test_a_step_has_all_trajectories_of_its_tasks() -> None:
    data = LabelDataModule(labelled(), context=100)
    for step in data.plan(size=2, epochs=2, seed=0):
        tasks = {data.samples[index].task for index in step}
        whole = {n for n, sample in enumerate(data.samples) if sample.task in tasks}
        assert set(step) == whole


def test_a_trajectory_without_a_target_is_refused() -> None:
    empty = episodes(1)[0]
    empty = type(empty)(empty.token_ids, (False,) * len(empty.token_ids), ())
    with pytest.raises(UserError):
        LabelDataModule([LabelledTrajectory(empty, True, 0.0, "task")], context=100)
