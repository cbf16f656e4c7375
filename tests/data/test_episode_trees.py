"""Steps of whole trees: what each holds, and how it is packed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.episodes import EpisodeDataModule
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


def episode(tree: int, number: int, length: int = 3) -> EncodedTrajectory:
    """Return one of `tree` that diverges from its others after two tokens."""
    ids = (1, 10 + tree, *(100 + number for _ in range(length)))
    return EncodedTrajectory(ids, (False, False, *[True] * length), (2,))


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    size=st.integers(1, 8),
    seed=st.integers(0, 3),
)
def test_every_step_has_whole_trees_and_every_epoch_all(
    sizes: list[int], size: int, seed: int
) -> None:
    trees = [tree for tree, count in enumerate(sizes) for _ in range(count)]
    samples = [episode(tree, number) for number, tree in enumerate(trees)]
    data = EpisodeDataModule(samples, 64, pack_tokens=4096, groups=trees)
    steps = data.plan(size=size, epochs=2, seed=seed)
    assert Counter(index for step in steps for index in step) == dict.fromkeys(
        range(len(samples)), 2
    )
    for step in steps:
        found = Counter(trees[index] for index in step)
        assert all(count == sizes[tree] for tree, count in found.items())


def test_a_tree_is_packed_once_and_cut_where_it_is_too_large() -> None:
    samples = [episode(0, number) for number in range(4)]
    data = EpisodeDataModule(samples, 64, pack_tokens=4096)
    [pack] = data.collate(samples, batch_size=1)
    assert pack.token_ids.shape == (1, 2 + 4 * 3)
    assert pack.counts.tolist() == [3] * 4
    data = EpisodeDataModule(samples, 64, pack_tokens=8)
    assert [pack.token_ids.shape[1] for pack in data.collate(samples, batch_size=1)] == [8, 8]


def test_what_does_not_fit_or_teaches_nothing_is_said() -> None:
    long = [episode(0, 0, 90), episode(0, 1), episode(1, 2), episode(1, 3)]
    data = EpisodeDataModule(long, 64, pack_tokens=4096, groups=[0, 0, 1, 1])
    assert (len(data.samples), data.too_long) == (3, 1)
    assert sorted(map(sorted, data.plan(size=1, epochs=1, seed=0))) == [[0], [1, 2]]
    empty = EncodedTrajectory((1, 2), (False, False), ())
    with pytest.raises(UserError, match="sample 0 has no token of the agent"):
        EpisodeDataModule([empty], 64, pack_tokens=4096)
