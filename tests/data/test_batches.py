"""The order of the data."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.batches import LengthBatches
from tratree.data.episodes import EpisodeDataModule
from tratree.policy.encoding import EncodedTrajectory


@given(
    lengths=st.lists(st.integers(2, 400), min_size=1, max_size=60),
    batch_size=st.integers(1, 9),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_every_epoch_visits_every_sample_once(
    lengths: list[int], batch_size: int, epochs: int, seed: int
) -> None:
    batches = LengthBatches(lengths, batch_size=batch_size, epochs=epochs, seed=seed)
    order = list(batches)
    assert len(order) == len(batches)
    assert order == list(batches)
    assert all(0 < len(batch) <= batch_size for batch in order)
    visited = [index for batch in order for index in batch]
    for epoch in range(epochs):
        part = visited[epoch * len(lengths) : (epoch + 1) * len(lengths)]
        assert sorted(part) == list(range(len(lengths)))


def test_batches_of_similar_length_save_padding() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 512).tolist()

    def padded(batches: list[list[int]]) -> int:
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    ours = list(LengthBatches(lengths, batch_size=16, epochs=1, seed=0))
    shuffled = np.random.default_rng(0).permutation(512).reshape(-1, 16).tolist()
    assert padded(ours) < 1.1 * sum(lengths) < 0.75 * padded(shuffled)


def test_skipped_batches_leave_the_rest_as_it_was() -> None:
    samples = [EncodedTrajectory((n, n), (False, True), ()) for n in range(20)]
    data = EpisodeDataModule(samples, 10)
    whole, rest = (
        [b.token_ids.tolist() for b in data.loader(batch_size=3, epochs=2, seed=1, skip=skip)]
        for skip in (0, 9)
    )
    assert rest == whole[9:]
