"""Two systems on the same tasks: is the difference more than luck?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tratree.evaluation.intervals import average, paired_p_value
from tratree.evaluation.metrics import by_task
from tratree.trajectory.types import Trajectory

COMPARED = ("reward", "success")


def compare(system: Sequence[Trajectory], baseline: Sequence[Trajectory]) -> dict[str, Any]:
    """Compare two systems task by task, as JSON data.

    Returns:
        ``tasks``, and for each of `COMPARED` the mean ``difference`` (system less baseline) with
        its paired bootstrap interval over tasks, on how many tasks the system is ``better`` and
        ``worse``, and ``p`` of the paired permutation test.

    Raises:
        ValueError: If the tasks are not the same ones.
    """
    result: dict[str, Any] = {}
    for figure in COMPARED:
        ours, theirs = by_task(system, figure), by_task(baseline, figure)
        if ours.keys() != theirs.keys():
            raise ValueError("the two systems did not play the same tasks")
        differences = np.array([ours[task] - theirs[task] for task in ours])
        result["tasks"] = len(differences)
        result[figure] = {
            "difference": average(differences).rounded(),
            "better": int((differences > 0).sum()),
            "worse": int((differences < 0).sum()),
            "p": round(paired_p_value(differences), 6),
        }
    return result
