"""Trajectories for the tests of trees, written by hand and drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from tratree.trajectory.types import Step, Task, Trajectory
from tratree.tree.merge import build_trees
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree

TASK = Task("task-1", "train", "pick", "put a mug on the desk")

# Two groups of observations that are alike at ξ = 0.9, one member of a third kind.
OBSERVATIONS = [
    "On the desk 1, you see a mug 1, a pencil 2, and a book 1.",
    "On the desk 1, you see a mug 2, a pencil 2, and a book 1.",
    "On the desk 1, you see a mug 2, a pencil 1, and a book 3.",
    "The drawer 1 is closed.",
    "The drawer 2 is closed.",
    "Nothing happens.",
]


def trajectory(
    steps: Sequence[Sequence[str]],
    score: float,
    *,
    sample: int = 0,
    task: Task = TASK,
    first_observation: str = "start",
) -> Trajectory:
    """Make a trajectory of (thought, action, observation) steps with made-up token ids."""
    return Trajectory(
        task=task,
        first_observation=first_observation,
        steps=tuple(
            Step(*step, token_ids=(sample, number, len(step[1])))
            for number, step in enumerate(steps)
        ),
        score=float(score),
        success=score == 1,
        finished=score == 1,
        sample=sample,
        source="test",
    )


@st.composite
def trajectories(
    draw: st.DrawFn, scores: Sequence[float] = (0.0, 0.25, 0.5, 1.0)
) -> list[Trajectory]:
    """Draw 1 to 8 trajectories of one task that share prefixes often, duplicates included."""
    step = st.tuples(
        st.sampled_from(["", "Hm."]),
        st.sampled_from(["look", "Look", "open drawer"]),
        st.sampled_from(OBSERVATIONS),
    )
    drawn = draw(
        st.lists(
            st.tuples(st.lists(step, max_size=4), st.sampled_from(scores), st.integers(0, 2)),
            min_size=1,
            max_size=8,
        )
    )
    return [trajectory(steps, score, sample=sample) for steps, score, sample in drawn]


def with_refusals(attempts: list) -> list:
    """Return the attempts with the actions at which nothing happens marked as not possible."""
    return [
        replace(
            attempt,
            steps=tuple(
                replace(step, valid=step.observation != "Nothing happens.")
                for step in attempt.steps
            ),
        )
        for attempt in attempts
    ]


FORESTS = st.lists(trajectories().map(with_refusals), min_size=1, max_size=3)


def forest(tasks: list) -> list[TrajectoryTree]:
    return build_trees(tasks, similarity=ExactText())
