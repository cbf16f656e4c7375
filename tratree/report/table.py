"""The results of a run: one JSON document, and the same as CSV, Markdown and a printed table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tratree.evaluation.metrics import performance_gap_recovered

FIGURES = ("reward", "success", "finished", "steps")
SHARES = ("reward", "success", "finished")


def add_gap_recovered(systems: Mapping[str, Any], *, weak: str, ceiling: str) -> None:
    """Add ``pgr`` of reward to every split of every system but the two it is measured between."""
    for name, splits in systems.items():
        if name in (weak, ceiling):
            continue
        for split, figures in splits.items():
            value = performance_gap_recovered(
                systems[weak][split]["reward"]["mean"],
                figures["reward"]["mean"],
                systems[ceiling][split]["reward"]["mean"],
            )
            figures["pgr"] = None if value is None else round(value, 6)


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """Write ``results.json``, ``results.csv`` and ``results.md`` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(document, encoding="utf-8")
    (folder / "results.csv").write_text(_csv(results), encoding="utf-8")
    (folder / "results.md").write_text(_markdown(results), encoding="utf-8")


def print_results(results: Mapping[str, Any], console: Console) -> None:
    """Print the table of `results`."""
    header, *rows = readable_rows(results["systems"])
    table = Table(title=_title(results))
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index < 2 else "right", no_wrap=True, min_width=4)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _title(results: Mapping[str, Any]) -> str:
    return f"{results['env']}, {results['method']}, seed {results['seed']}"


def readable_rows(systems: Mapping[str, Any]) -> list[list[str]]:
    """Return a header and a row for each system and split, as people read them."""
    rows = [["system", "split", "episodes", "reward", "success %", "finished %", "steps", "PGR"]]
    for system, splits in systems.items():
        for split, figures in splits.items():
            rows.append(
                [
                    system,
                    split,
                    str(figures["episodes"]),
                    *(_interval(figures[f], 100 if f in SHARES else 1) for f in FIGURES),
                    "" if figures.get("pgr") is None else f"{figures['pgr']:.2f}",
                ]
            )
    return rows


def _interval(estimate: Mapping[str, float], scale: int) -> str:
    mean, low, high = (estimate[key] * scale for key in ("mean", "low", "high"))
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def _markdown(results: Mapping[str, Any]) -> str:
    header, *rows = readable_rows(results["systems"])
    lines = [f"# {_title(results)}", "", *(_markdown_row(r) for r in (header, ["---"] * 8, *rows))]
    return "\n".join([*lines, "", describe_figures(results["pgr"]), ""])


def describe_figures(gap: Mapping[str, str] | None) -> str:
    """Say what the table's figures are; `gap` names the systems that PGR is measured between."""
    said = "Mean [95 % interval]; reward is in percent of the highest score."
    if gap is None:
        return said
    return f"{said} PGR is measured on reward between {gap['weak']} (0) and {gap['ceiling']} (1)."


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _csv(results: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bounds = [f"{figure}_{bound}" for figure in FIGURES for bound in ("mean", "low", "high")]
    writer.writerow(["env", "method", "seed", "system", "split", "episodes", *bounds, "pgr"])
    for system, splits in results["systems"].items():
        for split, figures in splits.items():
            values = [figures[f][bound] for f in FIGURES for bound in ("mean", "low", "high")]
            head = [results["env"], results["method"], results["seed"], system, split]
            writer.writerow([*head, figures["episodes"], *values, figures.get("pgr")])
    return text.getvalue()
