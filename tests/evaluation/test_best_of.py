"""The best of several trajectories of a task."""

from __future__ import annotations

from tests.tree.tree_examples import TASK, trajectory
from tratree.evaluation.best_of import best_of
from tratree.trajectory.types import Task


def test_the_first_of_the_highest_scores_counts() -> None:
    other = Task("task-2", "train", "pick", "put a mug on the shelf")
    played = [
        trajectory([], 0.25, sample=0, task=other),
        trajectory([], 0.0, sample=1, task=other),
        *(trajectory([], score, sample=n, task=TASK) for n, score in enumerate((0, 0.5, 1, 1))),
    ]
    best = best_of(played)
    assert [(t.task.task_id, t.sample) for t in best] == [("task-2", 0), ("task-1", 2)]
