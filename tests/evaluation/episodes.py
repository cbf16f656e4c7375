"""Hand-made evaluation episodes for the tests."""

from __future__ import annotations

from tratree.trajectory.types import Step, Task, Trajectory


def episode(
    score: float,
    steps: int = 1,
    *,
    success: bool = False,
    finished: bool = False,
    task: str = "game",
    kind: str = "pick",
    invalid: int = 0,
    sample: int = 0,
) -> Trajectory:
    turns = tuple(
        Step("find mug", "go to shelf 1", "You arrive.", (7, 8, 9), valid=number >= invalid)
        for number in range(steps)
    )
    attempted = Task(task, "valid_unseen", kind, "put a mug in cabinet")
    return Trajectory(attempted, "A room.", turns, score, success, finished, sample)
