"""The results of a run: one JSON document, and the same as CSV, Markdown and printed tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from tratree.evaluation.comparison import COMPARED
from tratree.evaluation.metrics import FIGURES, performance_gap_recovered
from tratree.report.render_table import fitting, markdown_table
from tratree.words import counted

SHARES = ("reward", "success", "finished")
PRINTED = ("reward", "success", "finished", "steps")
GAPS: Mapping[str, str] = MappingProxyType(
    {"pgr": "gap to strong", "pgr_ceiling": "gap to ceiling"}
)
"""Keys of the shares of the performance gap recovered, and what people read."""

GUTTER = 2
"""Spaces between columns of the printed table."""

LEFT_OUT = ("steps", "finished %", "episodes", "to ceiling", "success %", "gap", "p")
"""Columns that a narrow printed table is without, the first ones first."""

COMPARISON_NOTE = (
    "Difference in points [95 % interval of the paired bootstrap over tasks]; better and worse "
    "count tasks; p is of the paired permutation test, p (Holm) is corrected for all lines of "
    "this table; detectable is the smallest difference that this number of tasks shows with a "
    "power of 80 %. All of it is of one seed: it covers other tasks, not another training."
)

EQUAL = "Reward and finished are equal to success here."

Rows = list[list[str]]
"""A table: the header, then the rows."""


def add_gap_recovered(
    systems: Mapping[str, Any], *, weak: str, ceiling: str, key: str = "pgr"
) -> None:
    """Add the gap recovered in reward to every system but the two it is measured between.

    Args:
        systems: Figures of every split of every system.
        weak: The system that recovers nothing.
        ceiling: The one that recovers all.
        key: One of `GAPS`.
    """
    for name, splits in systems.items():
        if name in (weak, ceiling):
            continue
        for split, figures in splits.items():
            value = performance_gap_recovered(
                systems[weak][split]["reward"]["mean"],
                figures["reward"]["mean"],
                systems[ceiling][split]["reward"]["mean"],
            )
            figures[key] = None if value is None else round(value, 6)


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """Write ``results.json``, ``results.csv`` and ``results.md`` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(document, encoding="utf-8")
    (folder / "results.csv").write_text(_csv(results), encoding="utf-8")
    (folder / "results.md").write_text(_markdown(results), encoding="utf-8")


def print_results(results: Mapping[str, Any], console: Console, *, so_far: bool = False) -> None:
    """Print the figures of every system, and what must be known to read them.

    Columns are left out until the table fits the console: names and rewards are never cut.

    Args:
        results: The document of ``results.json``.
        console: Where to.
        so_far: Whether systems are still to come.
    """
    whole = _printed_rows(results)
    left_out = [name for name in LEFT_OUT if name != "success %" or "reward" in whole[0]]
    rows = fitting(whole, console.width, left_out, GUTTER)
    table = Table(box=None, pad_edge=False, padding=(0, GUTTER, 0, 0), header_style="underline")
    for index, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if index < 2 else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(f"{_title(results)}{', so far' if so_far else ''}", style="bold")
    console.print(table)
    if not so_far:
        console.print(_how_to_read(results, rows[0]), style="dim", highlight=False)
    for note in results.get("notes", ()):
        console.print(note, style="bold yellow", markup=False, highlight=False)


def _printed_rows(results: Mapping[str, Any]) -> Rows:
    """Return the table of figures, with the comparison of reward with the baseline in it."""
    header, *rows = readable_rows(results["systems"])
    header = [{"gap to strong": "gap", "gap to ceiling": "to ceiling"}.get(n, n) for n in header]
    compared = results.get("comparisons")
    if compared is None:
        return [header, *rows]
    to, systems = f"to {compared['baseline']}", compared["systems"]
    place = header.index("steps")
    found = [[*header[:place], to, "p", *header[place:]]]
    for row in rows:
        test = systems.get(row[0], {}).get(row[1], {}).get("reward")
        cells = ("", "")
        if test is not None:
            cells = (_interval(test["difference"], 100, sign="+"), p_text(test["p"]))
        found.append([*row[:place], *cells, *row[place:]])
    return found


def _how_to_read(results: Mapping[str, Any], header: Sequence[str]) -> str:
    episodes = {f["episodes"] for splits in results["systems"].values() for f in splits.values()}
    number = f" of {counted(episodes.pop(), 'episode')}" if len(episodes) == 1 else ""
    said = f"Mean [95 % interval]{number}, in percent."
    if "reward" not in header:
        said += f" {EQUAL}"
    compared = results.get("comparisons")
    if compared is not None:
        said += (
            f" To {compared['baseline']}: the difference in points, paired by task, with p of the "
            "permutation test; results.md has all tests, with p corrected for their number."
        )
    return said + _describe_gap(results["pgr"], header)


def _title(results: Mapping[str, Any]) -> str:
    return f"{results['env']}, {results['method']}, seed {results['seed']}"


def comparison_title(comparisons: Mapping[str, Any]) -> str:
    """Return what the table of comparisons is called."""
    return f"Against {comparisons['baseline']}, task by task"


def readable_rows(systems: Mapping[str, Any], figures: Sequence[str] = PRINTED) -> Rows:
    """Return a header and a row for each system and split, as people read them.

    Where reward, success and finished are the same everywhere, success stands for all three.
    """
    every = [found for splits in systems.values() for found in splits.values()]
    same = all(len({f[share]["mean"] for share in SHARES}) == 1 for f in every if "finished" in f)
    figures = [f for f in figures if not (same and f in ("reward", "finished"))]
    gaps = {key: name for key, name in GAPS.items() if any(key in found for found in every)}
    names = [f"{f} %" if f in ("success", "finished") else f.replace("_", " ") for f in figures]
    rows = [["system", "split", "episodes", *names, *gaps.values()]]
    for system, splits in systems.items():
        for split, found in splits.items():
            shares = (found.get(key) for key in gaps)
            rows.append(
                [
                    system,
                    split,
                    str(found["episodes"]),
                    *(
                        _interval(found[f], 100 if f in SHARES else 1) if f in found else ""
                        for f in figures
                    ),
                    *("" if share is None else f"{share:.2f}" for share in shares),
                ]
            )
    return rows


def comparison_rows(comparisons: Mapping[str, Any]) -> Rows:
    """Return a header and a row for each system, split and figure that was compared."""
    rows = [["system", "split", "tasks", "figure", "difference", "better", "worse"]]
    rows[0] += ["p", "p (Holm)", "detectable"]
    for system, splits in comparisons["systems"].items():
        for split, compared in splits.items():
            for figure in COMPARED:
                found = compared[figure]
                rows.append(
                    [
                        system,
                        split,
                        str(compared["tasks"]),
                        figure,
                        _interval(found["difference"], 100, sign="+"),
                        *(str(found[side]) for side in ("better", "worse")),
                        p_text(found["p"]),
                        p_text(found.get("p_holm")),
                        _points(found.get("detectable")),
                    ]
                )
    return rows


def p_text(p: float | None) -> str:
    """Return a p-value with four digits; no p-value is zero."""
    if p is None:
        return ""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def task_type_rows(systems: Mapping[str, Any]) -> Rows:
    """Return a header and a row for each split and kind of task; kinds may have been left out."""
    rows = [["split", "kind of task", "tasks", *systems]]
    for split, found in next(iter(systems.values()), {}).items():
        for kind, of_kind in found.get("task_types", {}).items():
            of_systems = (
                s.get(split, {}).get("task_types", {}).get(kind) for s in systems.values()
            )
            cells = ("" if one is None else _of_kind(one) for one in of_systems)
            rows.append([split, kind, str(of_kind["tasks"]), *cells])
    return rows


def _interval(estimate: Mapping[str, float], scale: int, sign: str = "") -> str:
    mean, low, high = (f"{estimate[key] * scale:{sign}.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _of_kind(found: Mapping[str, Any]) -> str:
    """Return the reward; without an interval where a single task shows no spread."""
    if found["tasks"] == 1:
        return f"{100 * found['reward']['mean']:.1f}"
    return _interval(found["reward"], 100)


def _points(difference: float | None) -> str:
    if difference is None or difference > 1:
        return "" if difference is None else ">100"
    return f"{100 * difference:.1f}"


def _markdown(results: Mapping[str, Any]) -> str:
    parts = [
        f"# {_title(results)}",
        markdown_table(readable_rows(results["systems"], tuple(FIGURES))),
        describe_figures(results["pgr"], readable_rows(results["systems"])[0]),
        *(f"**{note}.**" for note in results.get("notes", ())),
        *_constraint_note(results),
        *_prompt_note(results),
        f"## {comparison_title(results['comparisons'])}",
        markdown_table(comparison_rows(results["comparisons"])),
        COMPARISON_NOTE,
        "## Reward by kind of task",
        markdown_table(task_type_rows(results["systems"])),
    ]
    return "\n\n".join(parts) + "\n"


def describe_figures(gap: Mapping[str, str] | None, header: Sequence[str]) -> str:
    """Say what the figures of a table are.

    Args:
        gap: The systems that a gap is between.
        header: As `readable_rows` has it.
    """
    said = (
        "Mean over tasks [95 % interval]; reward is in percent of the highest score; steps, "
        "invalid actions and tokens are for each episode."
    )
    if "reward" not in header:
        said += f" {EQUAL}"
    return said + _describe_gap(gap, header)


def _describe_gap(gap: Mapping[str, str] | None, header: Sequence[str]) -> str:
    """Say what the shares of the gap are, once for all tables; nothing where none is shown."""
    if gap is None or not any(name.startswith("gap") for name in header):
        return ""
    return (
        f" Gap (to strong) is the share of the gap in reward between {gap['weak']} (0) and "
        f"{gap['ceiling']} (1) that a system recovers. Burns et al. (2023) measure it to a "
        "ceiling: gap to ceiling, where a run has one."
    )


def _prompt_note(results: Mapping[str, Any]) -> list[str]:
    prompt = results.get("prompt")
    return [] if prompt is None else [f"Every conversation began with a prompt: {prompt}."]


def _constraint_note(results: Mapping[str, Any]) -> list[str]:
    constraint = results["protocol"]["rollout"]["constraint"]
    if constraint == "none":
        return []
    return [f"**The agent could say only {constraint} actions** (`rollout.constraint`)."]


def _csv(results: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bounds = [f"{figure}_{bound}" for figure in FIGURES for bound in ("mean", "low", "high")]
    every = [figures for splits in results["systems"].values() for figures in splits.values()]
    gaps = [key for key in GAPS if key == "pgr" or any(key in figures for figures in every)]
    writer.writerow(["env", "method", "seed", "system", "split", "episodes", *bounds, *gaps])
    for system, splits in results["systems"].items():
        for split, figures in splits.items():
            values = [figures[f][bound] for f in FIGURES for bound in ("mean", "low", "high")]
            head = [results["env"], results["method"], results["seed"], system, split]
            shares = [figures.get(key) for key in gaps]
            writer.writerow([*head, figures["episodes"], *values, *shares])
    return text.getvalue()
