"""Packs: which tokens they hold, what each token sees, and which tokens are trained."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.packing import Pack, cut_into_packs, pack_sequences
from tratree.policy.encoding import EncodedTrajectory


@st.composite
def samples(draw: st.DrawFn) -> list[EncodedTrajectory]:
    """Draw sequences that share beginnings often; some are equal, some end inside others."""
    drawn = draw(
        st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=9), min_size=1, max_size=8)
    )
    return [
        EncodedTrajectory(
            tuple(tokens),
            tuple(draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)))),
            (),
        )
        for tokens in drawn
    ]


def seen_by(pack: Pack, place: int) -> list[int]:
    """Return the places that a token attends to."""
    return [
        before for before in range(place + 1) if before <= place < int(pack.subtree_end[before])
    ]


@given(samples())
def test_every_beginning_stands_once_and_is_all_that_a_token_sees(
    samples: list[EncodedTrajectory],
) -> None:
    pack = pack_sequences(samples)
    token_ids = pack.token_ids[0].tolist()
    beginnings = [
        tuple(token_ids[before] for before in seen_by(pack, place))
        for place in range(len(token_ids))
    ]
    assert len(set(beginnings)) == len(beginnings)
    assert set(beginnings) == {
        sample.token_ids[: n + 1] for sample in samples for n in range(len(sample.token_ids))
    }
    assert pack.position_ids[0].tolist() == [len(beginning) - 1 for beginning in beginnings]


@given(samples())
def test_what_is_trained_is_what_the_samples_train(samples: list[EncodedTrajectory]) -> None:
    pack = pack_sequences(samples)
    token_ids = pack.token_ids[0].tolist()
    for number, sample in enumerate(samples):
        terms = pack.terms[pack.owner == number]
        assert len(terms) == int(pack.counts[number])
        found = []
        for term in terms.tolist():
            place, before = int(pack.trained[term]), int(pack.before[term])
            assert seen_by(pack, before) == seen_by(pack, place)[:-1]
            found.append(tuple(token_ids[p] for p in seen_by(pack, place)))
        expected = [
            sample.token_ids[: n + 1]
            for n in range(1, len(sample.token_ids))
            if sample.agent_mask[n]
        ]
        assert found == expected
    assert len(set(pack.trained.tolist())) == len(pack.trained)


@given(samples(), st.integers(1, 40), st.integers(1, 3))
def test_packs_are_bounded_and_hold_every_group_once(
    samples: list[EncodedTrajectory], tokens: int, group: int
) -> None:
    groups = [samples[first : first + group] for first in range(0, len(samples), group)]
    parts = cut_into_packs(groups, tokens)
    assert sorted(index for part in parts for index in part) == list(range(len(groups)))
    for part in parts:
        pack = pack_sequences([sample for index in part for sample in groups[index]])
        assert len(part) == 1 or pack.token_ids.shape[1] <= tokens


def test_a_large_tree_is_cut_along_its_branches() -> None:
    trunk = tuple(range(100))
    leaves = [
        EncodedTrajectory((*trunk, branch, *trunk[:10], leaf), (True,) * 112, ())
        for leaf in (7, 8)
        for branch in (1, 2, 3, 4)
    ]
    parts = cut_into_packs([[leaf] for leaf in leaves], 126)
    branches = [{leaves[index].token_ids[100] for index in part} for part in parts]
    assert branches == [{1, 2}, {3, 4}]
    assert len(cut_into_packs([[leaf] for leaf in leaves], 152)) == 1
    sizes = [pack_sequences([leaves[i] for i in part]).token_ids.shape[1] for part in parts]
    assert sizes == [126, 126]


def test_a_sequence_larger_than_a_pack_is_not_cut() -> None:
    long = EncodedTrajectory(tuple(range(30)), (True,) * 30, ())
    short = EncodedTrajectory((50, 51), (True, True), ())
    assert cut_into_packs([[long], [short], [short]], 10) == [[0], [1, 2]]
    assert cut_into_packs([], 10) == []


def test_the_first_token_is_never_trained() -> None:
    pack = pack_sequences([EncodedTrajectory((1, 2), (True, True), ())])
    assert np.array_equal(pack.trained, [1])
    assert pack.counts.tolist() == [1]


@given(samples(), st.integers(1, 30), st.integers(2, 5))
def test_packs_for_several_devices_are_of_one_size(
    samples: list[EncodedTrajectory], tokens: int, devices: int
) -> None:
    def sizes(parts: list[list[int]]) -> list[int]:
        return [pack_sequences([samples[index] for index in part]).tokens for part in parts]

    groups = [[sample] for sample in samples]
    alone, shared = (cut_into_packs(groups, tokens, count) for count in (1, devices))
    assert sorted(index for part in shared for index in part) == list(range(len(samples)))
    assert -(-len(shared) // devices) <= -(-len(alone) // devices)  # no further pass on any device
    assert max(sizes(shared)) <= max(sizes(alone))


def test_one_large_tree_keeps_every_device_busy() -> None:
    branches = [EncodedTrajectory((1, 2, *[n] * 50), (True,) * 52, ()) for n in range(3, 11)]
    groups = [[branch] for branch in branches]
    assert len(cut_into_packs(groups, 4096)) == 1
    parts = cut_into_packs(groups, 4096, devices=4)
    assert [len(part) for part in parts] == [2, 2, 2, 2]
