"""Notes beside a run's table."""

from __future__ import annotations

import pytest

from tratree.composition import compose_config
from tratree.runs.results import trees_of_one
from tratree.stages.methods import evaluations
from tratree.store.stage import with_inputs


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["explore.trajectories=1"], "explore.trajectories=1: each tree is a single trajectory"),
        (["tree.width=1"], "tree.width=1: each tree is a single trajectory"),
        (["tree.width=2"], None),
        (["method=rejection", "explore.trajectories=1"], None),
    ],
)
def test_trees_of_one_trajectory_are_questioned(overrides: list[str], said: str | None) -> None:
    config = compose_config(overrides)
    found = trees_of_one(config, with_inputs(evaluations(config).values()))
    assert (found is None) if said is None else (found is not None and found.startswith(said))
