"""One page about results on the panel: a table, and paired tests between any two systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.evaluation.intervals import Estimate, average, paired_p_value, share
from tratree.panel.results import Outcome, Results
from tratree.report.render_table import markdown_table
from tratree.report.table import Rows, p_text

FIGURES: Mapping[str, Callable[[Outcome], float]] = {
    "reward": lambda o: o.reward,
    "success": lambda o: float(o.success),
}


def table(results: Sequence[Results]) -> Rows:
    """Return a header and a row for each system and split: percent with its 95 % interval."""
    rows = [["environment", "split", "system", "tasks", "reward", "success %", "steps"]]
    for result in results:
        for split in result.hashes:
            played = result.of_split(split)
            if not played:
                continue
            steps = [o.steps for of_task in played.values() for o in of_task if o.steps is not None]
            rows.append(
                [
                    result.environment,
                    split,
                    result.name,
                    str(len(played)),
                    _percent(average(_by_task(played, "reward"))),
                    _percent(share(_by_task(played, "success"))),
                    f"{sum(steps) / len(steps):.1f}" if steps else "",
                ]
            )
    return [rows[0], *sorted(rows[1:], key=lambda row: row[:2])]


def paired_tests(results: Sequence[Results]) -> Rows:
    """Return a row for any two systems that played the same split: first less second.

    Raises:
        UserError: If two results have one name, environment and split, or equal hashes but
            different tasks.
    """
    rows = [["environment", "split", "first", "second", "tasks", "figure", "difference", "p"]]
    for one, other in combinations(results, 2):
        if one.environment != other.environment:
            continue
        if one.name == other.name:
            raise UserError(f"two results in {one.environment} are called {one.name}: rename one")
        for split in one.hashes.keys() & other.hashes.keys():
            if one.hashes[split] != other.hashes[split]:
                continue  # other tasks; `differing` says so
            ours, theirs = one.of_split(split), other.of_split(split)
            if ours.keys() != theirs.keys():
                raise UserError(
                    f"{one.name} and {other.name} have the same hash of split {split} but episodes "
                    f"of different tasks: {len(ours.keys() ^ theirs.keys())} are in one of them"
                )
            for figure in FIGURES if ours else ():
                differences = _by_task(ours, figure) - _by_task(theirs, figure)
                rows.append(
                    [
                        one.environment,
                        split,
                        one.name,
                        other.name,
                        str(len(differences)),
                        figure,
                        _percent(average(differences), sign="+"),
                        p_text(paired_p_value(differences)),
                    ]
                )
    return [rows[0], *sorted(rows[1:])]


def differing(results: Sequence[Results]) -> list[str]:
    """Say which results cannot be compared, and which were played by another protocol."""
    notes = []
    for one, other in combinations(results, 2):
        if one.environment != other.environment:
            continue
        pair = f"{one.name} and {other.name} ({one.environment})"
        notes += [
            f"{pair}: other tasks in split {split}, not compared"
            for split in sorted(one.hashes.keys() & other.hashes.keys())
            if one.hashes[split] != other.hashes[split]
        ]
        keys = sorted(
            key
            for key in one.protocol.keys() | other.protocol.keys()
            if key != "model" and one.protocol.get(key) != other.protocol.get(key)
        )
        if keys:
            notes.append(f"{pair}: the protocols differ in {', '.join(keys)}")
    return notes


def page(results: Sequence[Results]) -> str:
    """Return the report in Markdown.

    Raises:
        UserError: See `paired_tests`.
    """
    parts = [
        "# Results on the panel",
        markdown_table(table(results)),
        "Mean over tasks in percent [95 % interval over tasks]; steps are a mean over episodes.",
    ]
    tests = paired_tests(results)
    if len(tests) > 1:
        parts += [
            "## Any two systems, task by task",
            markdown_table(tests),
            "Difference in points, first less second [95 % interval of the paired bootstrap]; p is "
            "of the paired permutation test, not corrected for the number of tests.",
        ]
    notes = differing(results)
    if notes:
        parts += ["## Take care", "\n".join(f"- {note}" for note in notes)]
    hashes = sorted(
        {(r.environment, split, value) for r in results for split, value in r.hashes.items()}
    )
    parts += [
        "## Tasks",
        "\n".join(f"- {env}, {split}: sha256 `{value}`" for env, split, value in hashes),
    ]
    return "\n\n".join(parts) + "\n"


def _by_task(played: Mapping[str, Sequence[Outcome]], figure: str) -> NDArray[np.float64]:
    value = FIGURES[figure]
    return np.array([sum(map(value, of_task)) / len(of_task) for of_task in played.values()])


def _percent(estimate: Estimate, sign: str = "") -> str:
    mean, low, high = (
        f"{100 * part:{sign}.1f}" for part in (estimate.mean, estimate.low, estimate.high)
    )
    return f"{mean} [{low}, {high}]"
