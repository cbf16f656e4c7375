"""Pairs of whole trajectories."""

from __future__ import annotations

from hypothesis import given

from tests.tree.tree_examples import TASK, trajectories, trajectory
from tratree.trajectory.types import Task
from tratree.tree.trajectory_pairs import unstructured_pairs


def _attempts_of(task: Task) -> list:
    return [
        trajectory([["", f"do {n}", "x"], ["", "end", "y"]], n % 2, sample=n, task=task)
        for n in range(6)
    ]


def test_unstructured_pairs_are_random_successes_and_failures():
    tasks = [Task(f"task-{n}", "train", "pick", "x") for n in range(3)]
    attempts = [attempt for task in tasks for attempt in _attempts_of(task)]
    pairs = unstructured_pairs(attempts, seed=1, max_pairs_per_task=4)
    assert len(pairs) == 12
    for pair in pairs:
        assert pair.chosen.task == pair.rejected.task
        assert (pair.chosen.score, pair.rejected.score, pair.shared_steps) == (1, 0, 0)
    assert len(unstructured_pairs(attempts, seed=1)) == 27
    assert unstructured_pairs(attempts[::-1], seed=1, max_pairs_per_task=4) == pairs
    assert unstructured_pairs(attempts, seed=2, max_pairs_per_task=4) != pairs
    of_first = unstructured_pairs(_attempts_of(tasks[0]), seed=1, max_pairs_per_task=4)
    assert of_first == pairs[:4]


@given(trajectories())
def test_unstructured_pairs_differ(attempts):
    for pair in unstructured_pairs(attempts, seed=0):
        assert pair.chosen.task == TASK
        assert pair.chosen.score > pair.rejected.score
        assert [s.action for s in pair.chosen.steps] != [s.action for s in pair.rejected.steps]
