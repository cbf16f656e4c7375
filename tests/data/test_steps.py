"""The order of the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tratree.data.steps import StepLoader, steps_of_similar_length, steps_of_whole_groups

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

    def padded(steps: Sequence[Sequence[int]]) -> int:
        return sum(len(step) * max(lengths[i] for i in step) for step in steps)

    steps = steps_of_similar_length(lengths, size=16, epochs=1, seed=0)
    shuffled = np.random.default_rng(0).permutation(512).reshape(-1, 16).tolist()
    assert padded(steps) < 1.15 * sum(lengths) < 0.75 * padded(shuffled)


def test_a_loader_resumes_wherever_another_one_was() -> None:
    steps = steps_of_similar_length(list(range(5, 25)), size=6, epochs=2, seed=1)

    def loader() -> StepLoader[int, list[int]]:
        return StepLoader(range(20), steps, lambda samples: [list(samples)])

    whole = list(loader())
    assert whole == [[list(step)] for step in steps]
    for done in range(len(whole) + 1):
        first, second = loader(), loader()
        iterator = iter(first)
        seen = [next(iterator) for _ in range(done)]
        second.load_state_dict(first.state_dict())
        assert seen + list(second) == whole
