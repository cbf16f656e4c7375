"""Batches of samples: padded, cut, or refused."""

from __future__ import annotations

import pytest

from tratree.data.episodes import EpisodeDataModule
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, PairDataModule, collate_pairs
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


def episode(length: int, first: int = 1) -> EncodedTrajectory:
    mask = (False, *[position % 3 == 0 for position in range(1, length)])
    return EncodedTrajectory(tuple(range(first, first + length)), mask, ())


def test_a_step_is_cut_into_batches() -> None:
    data = EpisodeDataModule([episode(4 + n) for n in range(10)], 20)
    data.arrange(batch_size=2, accumulate=3, epochs=2, seed=0)
    steps = list(data.train_dataloader())
    assert sorted(len(step) for step in steps) == [2, 2, 3, 3]
    assert all(len(batch.token_ids) == 2 for step in steps for batch in step)


def test_samples_are_padded_on_the_right() -> None:
    batch = collate([episode(3), episode(5, first=7)])
    assert batch.token_ids.tolist() == [[1, 2, 3, 0, 0], [7, 8, 9, 10, 11]]
    assert batch.agent_mask.tolist() == [[False] * 5, [False, False, False, True, False]]


def test_pairs_are_stacked_with_the_chosen_sides_first() -> None:
    pairs = [
        EncodedPair(episode(2, first=10 * n), episode(3, first=50 * n), (-1.0 * n, -2.0 * n))
        for n in (1, 2)
    ]
    batch = collate_pairs(pairs, collate)
    assert batch.sides.token_ids[:, 0].tolist() == [10, 20, 50, 100]
    assert batch.reference.tolist() == [-1.0, -2.0, -2.0, -4.0]


def test_what_does_not_fit_the_context_is_counted_not_cut() -> None:
    episodes = EpisodeDataModule([episode(4), episode(9), episode(8)], 8)
    assert list(episodes.samples) == [episode(4), episode(8)]
    assert episodes.too_long == 1
    fits, too_long = EncodedPair(episode(8), episode(4)), EncodedPair(episode(4), episode(9))
    pairs = PairDataModule([fits, too_long], 8)
    assert list(pairs.samples) == [fits]
    assert pairs.too_long == 1


def test_samples_without_a_token_to_learn_are_refused() -> None:
    nothing = EncodedTrajectory((1, 2, 3), (True, False, False), ())
    with pytest.raises(UserError, match="sample 1 has no token"):
        EpisodeDataModule([episode(4), nothing], 8)
    with pytest.raises(UserError, match="sample 0 has no token"):
        PairDataModule([EncodedPair(episode(4), nothing)], 8)
