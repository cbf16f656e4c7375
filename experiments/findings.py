"""Findings of the experiments that are not sweeps, read from the results in their folders.

A folder that keeps no results that a program can read has a ``finding.json`` beside its README:
a list of rows with ``measured``, ``seeds`` and ``result``, written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tratree.evaluation.power import holm
from tratree.evaluation.seeds import over_seeds, paired
from tratree.report.table import p_text

FINDING = "finding.json"
HEADER = ["experiment", "measured", "seeds", "result"]

Line = tuple[str, str, str]
"""The measure, the number of seeds, the result."""


def findings(here: Path) -> list[list[str]]:
    """Return the table of all that `here` holds, by the names of its folders."""
    rows: list[list[str]] = []
    for files, read in READERS:
        for path in sorted(here.glob(files)):
            name = path.relative_to(here).parts[0]
            rows += ([f"[`{name}`]({name}/README.md)", *line] for line in read(path))
    return [HEADER, *sorted(rows, key=lambda row: row[0])]


def _by_hand(path: Path) -> Iterator[Line]:
    for row in _read(path):
        yield row["measured"], str(row["seeds"]), row["result"]


def _bound(path: Path) -> Iterator[Line]:
    found = _read(path)
    for system in _values(found, "system"):
        constants = [one["largest_constant"] for one in found if one["system"] == system]
        mean, low, _ = over_seeds(constants)
        half = "" if low is None else f" ± {mean - low:.2f}"
        what = "C below which Theorem 1 could promise more than strong SFT, "
        what += f"with a reward of 1 and the KL of {system}"
        yield what, str(len(constants)), f"{mean:.2f}{half}"


def _failure_safe(path: Path) -> Iterator[Line]:
    found = _read(path)
    splits = list(found[0]["reward"])
    of_case = {c: [one for one in found if one["case"] == c] for c in _values(found, "case")}
    compared = {
        (case, split): paired([one["reward"][split] - one["sft"][split] for one in same])
        for case, same in of_case.items()
        for split in splits
    }
    corrected = dict(zip(compared, holm([p for *_, p in compared.values()]), strict=True))
    for case, same in of_case.items():
        mean, half, p = compared[case, splits[0]]
        result = f"{100 * mean:+.1f}" + ("" if half is None else f" ± {100 * half:.1f}")
        if unchanged := sum(one["unchanged"] for one in same):
            result += f"; strong SFT's weights, bit for bit, in {unchanged} of {len(same)}"
        elif p is not None:
            result += f", p {p_text(p)} (Holm {p_text(corrected[case, splits[0]])})"
        yield f"TreeDPO less strong SFT, {splits[0]}, trees of `{case}`", str(len(same)), result


def _self_score(path: Path) -> Iterator[Line]:
    """Read the first split of the table in Markdown."""
    rows = [line.strip("| ").split(" | ") for line in path.read_text("utf-8").splitlines()]
    scored = [row for row in rows if row[0].startswith("mcts, score=")]
    for system, split, _, difference, p, p_holm, *_ in scored:
        if split == scored[0][1]:
            result = f"{difference}, p {p} (Holm {p_holm})"
            yield f"{system}: success less strong SFT's, {split}", "1", result


def _search(path: Path) -> Iterator[Line]:
    found = _read(path)
    best = next(trial for trial in found["trials"] if trial["number"] == found["best"])
    setting = " ".join(f"{key}={value}" for key, value in best["values"].items())
    strong = _interval(found["baselines"]["sft_strong"])
    settings = {json.dumps(trial["values"], sort_keys=True) for trial in found["trials"]}
    what = f"best of {len(settings)} settings, {path.parent.name}, development split"
    yield what, "1", f"`{setting}` {_interval(best['reward'])}; strong SFT {strong}"


def _trees(path: Path) -> Iterator[Line]:
    for env, found in _read(path).items():
        paths = next(one for one in found["paths"] if one["subset"] == "all")
        mcts, best, greedy = (paths[f"{name}_score"] for name in ("mcts", "best", "greedy"))
        scores = f"{mcts:.3f}; {best:.3f}; {greedy:.3f}"
        what = f"mean score of MCTS's path; the best; the greedy one, {env}, {paths['trees']} trees"
        yield what, "1", scores


def _interval(estimate: dict[str, float]) -> str:
    mean, low, high = (f"{100 * estimate[key]:.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _values(found: Sequence[dict[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(one[key] for one in found))


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


READERS = (
    ("self_score/results.md", _self_score),
    ("theory/bound.json", _bound),
    ("theory/failure_safe.json", _failure_safe),
    ("trees/results.json", _trees),
    ("tuning/*/results.json", _search),
    (f"*/{FINDING}", _by_hand),
)
