"""The order of the data."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.batches import StepLoader, steps_of_similar_length, steps_of_whole_groups
from tratree.data.episodes import EpisodeDataModule, collate
from tratree.data.pairs import EncodedPair, PairDataModule, collate_pairs
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


def episode(length: int, first: int = 1) -> EncodedTrajectory:
    mask = (False, *[position % 3 == 0 for position in range(1, length)])
    return EncodedTrajectory(tuple(range(first, first + length)), mask, ())


lengths = st.lists(st.integers(2, 400), min_size=1, max_size=60)
sizes = {"size": st.integers(1, 12), "epochs": st.integers(1, 3), "seed": st.integers(0, 5)}


@given(lengths=lengths, arguments=st.fixed_dictionaries(sizes))
def test_every_epoch_visits_every_sample_once(
    lengths: list[int], arguments: dict[str, int]
) -> None:
    steps = steps_of_similar_length(lengths, **arguments)
    assert steps == steps_of_similar_length(lengths, **arguments)
    assert all(1 <= len(step) <= arguments["size"] for step in steps)
    assert len(steps) == arguments["epochs"] * -(-len(lengths) // arguments["size"])
    visited = list(chain(*steps))
    for epoch in range(arguments["epochs"]):
        part = visited[epoch * len(lengths) : (epoch + 1) * len(lengths)]
        assert sorted(part) == list(range(len(lengths)))


@given(
    groups=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    arguments=st.fixed_dictionaries(sizes),
)
def test_a_group_stays_together_and_only_the_last_step_of_an_epoch_is_small(
    groups: list[int], arguments: dict[str, int]
) -> None:
    steps = steps_of_whole_groups(groups, **arguments)
    assert steps == steps_of_whole_groups(groups, **arguments)
    visited = list(chain(*steps))
    for epoch in range(arguments["epochs"]):
        part = visited[epoch * len(groups) : (epoch + 1) * len(groups)]
        assert sorted(part) == list(range(len(groups)))
    small = [step for step in steps if len(step) < arguments["size"]]
    assert len(small) <= arguments["epochs"]
    for step in steps:
        found = [groups[index] for index in step]
        assert all(
            found.count(group) == groups.count(group)
            and found[found.index(group) :][: groups.count(group)] == [group] * groups.count(group)
            for group in found
        )
        assert len(step) - groups.count(found[-1]) < arguments["size"]


def test_every_epoch_and_every_seed_has_steps_of_its_own() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 150).tolist()
    first = steps_of_similar_length(lengths, size=16, epochs=2, seed=0)
    second = steps_of_similar_length(lengths, size=16, epochs=1, seed=1)
    sets = [{frozenset(step) for step in steps} for steps in (first[:10], first[10:], second)]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]


def test_steps_of_similar_length_save_padding() -> None:
    lengths = np.random.default_rng(0).integers(50, 800, 512).tolist()

    def padded(steps: list[list[int]]) -> int:
        return sum(len(step) * max(lengths[i] for i in step) for step in steps)

    steps = steps_of_similar_length(lengths, size=16, epochs=1, seed=0)
    shuffled = np.random.default_rng(0).permutation(512).reshape(-1, 16).tolist()
    assert padded(steps) < 1.15 * sum(lengths) < 0.75 * padded(shuffled)


def test_a_loader_goes_on_wherever_another_one_was() -> None:
    steps = steps_of_similar_length(list(range(5, 25)), size=6, epochs=2, seed=1)

    def loader() -> StepLoader[int, list[int]]:
        return StepLoader(range(20), steps, lambda samples: [list(samples)])

    whole = list(loader())
    assert whole == [[step] for step in steps]
    for done in range(len(whole) + 1):
        first, second = loader(), loader()
        iterator = iter(first)
        seen = [next(iterator) for _ in range(done)]
        second.load_state_dict(first.state_dict())
        assert seen + list(second) == whole


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
