"""The sweep that `benchmarks/slurm_sweep.py` submits."""

from __future__ import annotations

from benchmarks.slurm_sweep import SEEDS, points
from tratree.composition import split_points


def test_the_points_are_as_many_as_asked_and_a_smaller_sweep_has_the_first_of_them() -> None:
    large, small = (split_points(points(jobs)) for jobs in (64, SEEDS))
    assert len(set(large)) == 64
    assert large[:SEEDS] == small
