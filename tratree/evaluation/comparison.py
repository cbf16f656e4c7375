"""Two systems on the same tasks: is the difference more than luck?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tratree.evaluation.intervals import average, paired_p_value
from tratree.evaluation.metrics import by_task
from tratree.evaluation.power import holm, smallest_difference
from tratree.trajectory.types import Trajectory

COMPARED = ("reward", "success")


def compare(system: Sequence[Trajectory], baseline: Sequence[Trajectory]) -> dict[str, Any]:
    """Compare two systems task by task, as JSON data.

    Returns:
        ``tasks``, and for each of `COMPARED` the mean ``difference`` (system less baseline) with
        its paired bootstrap interval over tasks, on how many tasks the system is ``better`` and
        ``worse``, ``p`` of the paired permutation test, and the smallest difference that this
        number of tasks shows with a power of 80 %, ``detectable`` (None if all differ by the same).

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
            "detectable": _detectable(differences),
        }
    return result


def add_corrected(compared: Mapping[str, Mapping[str, Any]]) -> None:
    """Add ``p_holm`` to every comparison: p after Holm's correction for all of them.

    Args:
        compared: Results of `compare`, by system and split.
    """
    tests = [
        of_split[figure]
        for splits in compared.values()
        for of_split in splits.values()
        for figure in COMPARED
    ]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_holm"] = None if p is None else round(p, 6)


def _detectable(differences: NDArray[np.float64]) -> float | None:
    if len(differences) < 2 or np.ptp(differences) < 1e-12:
        return None
    found = smallest_difference(float(differences.std(ddof=1)), len(differences))
    return None if found is None else round(found, 6)
