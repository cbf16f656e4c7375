"""Steps of whole trees: what each holds, and how it is packed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.episode_trees import EpisodeTreeDataModule, TreeEpisode
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


def episode(tree: int, number: int, length: int = 3) -> TreeEpisode:
    """Return one of `tree` that diverges from its others after two tokens."""
    ids = (1, 10 + tree, *(100 + number for _ in range(length)))
    return TreeEpisode(EncodedTrajectory(ids, (False, False, *[True] * length), (2,)), str(tree))


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    size=st.integers(1, 8),
    seed=st.integers(0, 3),
)
def test_every_step_has_whole_trees_and_every_epoch_all(
    sizes: list[int], size: int, seed: int
) -> None:
    samples = [episode(tree, n) for tree, count in enumerate(sizes) for n in range(count)]
    data = EpisodeTreeDataModule(samples, 64, pack_tokens=4096)
    steps = data.plan(size=size, epochs=2, seed=seed)
    assert Counter(index for step in steps for index in step) == dict.fromkeys(
        range(len(samples)), 2
    )
    for step in steps:
        found = Counter(samples[index].tree for index in step)
        assert all(count == sizes[int(tree)] for tree, count in found.items())


def test_a_tree_is_packed_once_and_cut_where_it_is_too_large() -> None:
    samples = [episode(0, number) for number in range(4)]
    data = EpisodeTreeDataModule(samples, 64, pack_tokens=4096)
    [pack] = data.collate(samples, batch_size=1)
    assert pack.token_ids.shape == (1, 2 + 4 * 3)
    assert pack.counts.tolist() == [3] * 4
    data = EpisodeTreeDataModule(samples, 64, pack_tokens=8)
    assert [pack.token_ids.shape[1] for pack in data.collate(samples, batch_size=1)] == [8, 8]


def test_what_does_not_fit_or_teaches_nothing_is_said() -> None:
    data = EpisodeTreeDataModule([episode(0, 0), episode(0, 1, 90)], 64, pack_tokens=4096)
    assert (len(data.samples), data.too_long) == (1, 1)
    empty = TreeEpisode(EncodedTrajectory((1, 2), (False, False), ()), "0")
    with pytest.raises(UserError, match="sample 0 has no token of the agent"):
        EpisodeTreeDataModule([empty], 64, pack_tokens=4096)
