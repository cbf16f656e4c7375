"""The order of the data."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.batches import StepLoader
from tratree.data.episodes import EpisodeDataModule, collate
from tratree.data.pairs import EncodedPair, PairDataModule, collate_pairs
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


def loader(lengths: list[int], **arguments: int) -> StepLoader[int, list[int]]:
    """Return a loader whose batches are lists of indices."""
    return StepLoader(range(len(lengths)), lengths, list, **arguments)


def episode(length: int, first: int = 1) -> EncodedTrajectory:
    mask = (False, *[position % 3 == 0 for position in range(1, length)])
    return EncodedTrajectory(tuple(range(first, first + length)), mask, ())


@given(
    lengths=st.lists(st.integers(2, 400), min_size=1, max_size=60),
    batch_size=st.integers(1, 5),
    accumulate=st.integers(1, 3),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_every_epoch_visits_every_sample_once(
    lengths: list[int], batch_size: int, accumulate: int, epochs: int, seed: int
) -> None:
    arguments = {"batch_size": batch_size, "accumulate": accumulate, "epochs": epochs, "seed": seed}
    steps = list(loader(lengths, **arguments))
    assert len(steps) == len(loader(lengths, **arguments))
    assert steps == list(loader(lengths, **arguments))
    assert all(1 <= len(step) <= accumulate for step in steps)
    assert all(1 <= len(batch) <= batch_size for step in steps for batch in step)
    visited = [index for step in steps for batch in step for index in batch]
    for epoch in range(epochs):
        part = visited[epoch * len(lengths) : (epoch + 1) * len(lengths)]
        assert sorted(part) == list(range(len(lengths)))


def test_a_step_holds_the_same_samples_however_it_is_cut() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 45).tolist()
    whole = loader(lengths, batch_size=8, accumulate=1, epochs=2, seed=0)
    parts = loader(lengths, batch_size=2, accumulate=4, epochs=2, seed=0)
    assert [list(chain(*step)) for step in parts] == [batch for [batch] in whole]


def test_every_epoch_and_every_seed_has_steps_of_its_own() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 150).tolist()
    first = loader(lengths, batch_size=16, accumulate=1, epochs=2, seed=0)
    second = loader(lengths, batch_size=16, accumulate=1, epochs=2, seed=1)
    orders = [first.epoch(0), first.epoch(1), second.epoch(0)]
    sets = [{frozenset(step) for step in steps} for steps in orders]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]


def test_batches_of_similar_length_save_padding() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 512).tolist()

    def padded(batches: list[list[int]]) -> int:
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    steps = loader(lengths, batch_size=16, accumulate=1, epochs=1, seed=0)
    shuffled = np.random.default_rng(0).permutation(512).reshape(-1, 16).tolist()
    assert padded(list(chain(*steps))) < 1.15 * sum(lengths) < 0.75 * padded(shuffled)


def test_a_loader_goes_on_wherever_another_one_was() -> None:
    arguments = {"batch_size": 3, "accumulate": 2, "epochs": 2, "seed": 1}
    lengths = list(range(5, 25))
    whole = list(loader(lengths, **arguments))
    for done in range(len(whole) + 1):
        first, second = loader(lengths, **arguments), loader(lengths, **arguments)
        iterator = iter(first)
        seen = [next(iterator) for _ in range(done)]
        second.load_state_dict(first.state_dict())
        assert seen + list(second) == whole


def test_samples_are_padded_on_the_right() -> None:
    batch = collate([episode(3), episode(5, first=7)])
    assert batch.token_ids.tolist() == [[1, 2, 3, 0, 0], [7, 8, 9, 10, 11]]
    assert batch.agent_mask.tolist() == [[False] * 5, [False, False, False, True, False]]


def test_pairs_are_stacked_with_the_chosen_sides_first() -> None:
    pairs = [
        EncodedPair(episode(2, first=10 * n), episode(3, first=50 * n), (-1.0 * n, -2.0 * n))
        for n in (1, 2)
    ]
    batch = collate_pairs(pairs)
    assert batch.token_ids[:, 0].tolist() == [10, 20, 50, 100]
    assert batch.reference.tolist() == [-1.0, -2.0, -2.0, -4.0]


def test_what_does_not_fit_the_context_is_counted_not_cut() -> None:
    episodes = EpisodeDataModule([episode(4), episode(9), episode(8)], 8)
    assert episodes.samples == [episode(4), episode(8)]
    assert episodes.too_long == 1
    fits, too_long = EncodedPair(episode(8), episode(4)), EncodedPair(episode(4), episode(9))
    pairs = PairDataModule([fits, too_long], 8)
    assert pairs.samples == [fits]
    assert pairs.too_long == 1


def test_samples_without_a_token_to_learn_are_refused() -> None:
    nothing = EncodedTrajectory((1, 2, 3), (True, False, False), ())
    with pytest.raises(UserError, match="sample 1 has no token"):
        EpisodeDataModule([episode(4), nothing], 8)
    with pytest.raises(UserError, match="sample 0 has no token"):
        PairDataModule([EncodedPair(episode(4), nothing)], 8)
