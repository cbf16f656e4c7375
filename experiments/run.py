"""Run the sweep of an experiment, and write its results beside its README.

    python experiments/run.py main_table env=alfworld   # sweep, then table, figure and cost
    python experiments/run.py                           # all of that again from what is there

The first form takes any override and may be repeated: with others, such as further seeds, its
points join those that are there. Points lie in multirun/NAME; what the store has is not computed
again. Finished ones are kept in NAME/points.jsonl, so that others, measured later or on another
machine, join them, too. With setting=paper they lie in multirun/NAME-paper, and the results in a
folder `paper`. Either way the tables of all experiments in experiments/README.md are written anew,
that of the sweeps and that of the others.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.findings import findings
from tratree.report.html import Table, svg
from tratree.report.sweep import find_points
from tratree.report.sweep_page import NOTE, Summary, markdown_table, summarize_points
from tratree.report.table import p_text
from tratree.runs.kept_points import (
    KeptPoint,
    join_points,
    keep_points,
    read_points,
    write_points,
)
from tratree.runs.run_folder import seconds_by_name
from tratree.runs.starts import origin

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SWEEPS = ROOT / "multirun"
KEPT = "points.jsonl"
PAPER = ("reward", "success")


def sweep_names() -> list[str]:
    """Return the experiments that are sweeps."""
    files = (ROOT / "conf" / "experiment").glob("*.yaml")
    sweeps = (path.stem for path in files if "mode: MULTIRUN" in path.read_text("utf-8"))
    return sorted(name for name in sweeps if (HERE / name).is_dir())


def folders(name: str, setting: str = "") -> tuple[Path, Path]:
    """Return where the points lie, and where the results are written."""
    return SWEEPS / (f"{name}-{setting}" if setting else name), HERE / name / setting


def sweep(name: str, setting: str, overrides: Sequence[str]) -> None:
    """Run the points, in a folder of their own for each set of overrides."""
    label = "".join(c if c.isalnum() or c in ".-" else "_" for c in "_".join(overrides))
    folder = folders(name, setting)[0].relative_to(ROOT) / (label or "all")
    into = f"hydra.sweep.dir={folder}"
    command = [sys.executable, "train.py", f"experiment={name}", into, *overrides]
    subprocess.run(command, cwd=ROOT, check=True)


def with_paper(table: Table, folder: Path) -> Table:
    """Add the paper's figures, if there is a ``paper.csv``, in columns of their own."""
    path = folder / "paper.csv"
    if not path.is_file():
        return table
    header, *rows = table
    with path.open(encoding="utf-8", newline="") as file:
        known = list(csv.DictReader(file))

    def same(row: Mapping[str, str], line: Mapping[str, str]) -> bool:
        return all(row.get(key) == value for key, value in line.items() if key not in PAPER)

    added = []
    for row in rows:
        found = [line for line in known if same(dict(zip(header, row, strict=True)), line)]
        added.append([*row, *(found[0][key] if found else "" for key in PAPER)])
    return [[*header, "paper: reward", "paper: success %"], *added]


def write_results(name: str, folder: Path, summary: Summary, kept: Sequence[KeptPoint]) -> None:
    """Write ``results.md``, ``results.json`` and the figures of an experiment to its folder."""
    seeds = sorted({point.value("seed") for point in summary.points})
    shown = ("experiment", "store", "env", "method", "seed", *summary.axes)
    fixed = sorted(
        {f"{k}={v}" for p in summary.points for k, v in p.overrides.items() if k not in shown}
    )
    measured = origin(start for one in kept for start in one.starts)
    seconds = seconds_by_name({stage: time for one in kept for stage, time in one.seconds.items()})
    total = sum(seconds.values())
    stages = ", ".join(f"{stage} {time / 60:.1f}" for stage, time in seconds.items())
    parts = [
        f"# {name}: results",
        f"`python experiments/run.py {' '.join([name, *fixed])}`; {measured}; "
        f"seeds {', '.join(map(str, seeds))}; {len(summary.points)} points: {summary.state}.",
        markdown_table(with_paper(summary.table(), HERE / name)),
        NOTE,
        f"Cost: {total / 60:.1f} minutes, each stage counted once ({stages}).",
    ]
    if len(summary.problems()) > 1:
        parts.append(markdown_table(summary.problems()))
    (folder / "results.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    document = {
        "origin": measured,
        "axes": list(summary.axes),
        "seconds": seconds,
        "rows": [asdict(row) for row in summary.rows],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    for axis, figure in summary.plots().items():
        (folder / f"reward_{axis}.svg").write_text(svg(figure), encoding="utf-8")


def overview(names: Iterable[str]) -> list[list[str]]:
    """Return the table of all experiments: the first split of each environment."""
    table = [["experiment", "env", "split", "system", "settings", "seeds", "reward", "p"]]
    for name in names:
        path = HERE / name / "results.json"
        link = f"[`{name}`]({name}/README.md)"
        if not path.is_file():
            table.append([link, *[""] * 3, "not measured yet", *[""] * 3])
            continue
        results = json.loads(path.read_text("utf-8"))
        first: dict[str, str] = {}
        for row in results["rows"]:
            if first.setdefault(row["env"], row["split"]) == row["split"]:
                table.append([link, *_overview_row(row, results["axes"])])
    return table


def _overview_row(row: Mapping[str, Any], axes: Sequence[str]) -> list[str]:
    settings = (
        f"{axis}={value}"
        for axis, value in zip(axes, row["values"], strict=True)
        if value is not None
    )
    reward = f"{100 * row['reward']:.1f}"
    if row["low"] is not None:
        reward += f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    names = [row["env"], row["split"], row["system"], " ".join(settings)]
    return [*names, str(row["seeds"]), reward, p_text(row["p"])]


def write_overview() -> None:
    """Write the tables of all experiments into ``README.md``, between their marks."""
    path = HERE / "README.md"
    text = path.read_text("utf-8")
    for name, table in (("results", overview(sweep_names())), ("findings", findings(HERE))):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = f"{before}{begin}\n{markdown_table(table)}\n{end}{after}"
    path.write_text(text, encoding="utf-8")


def report(name: str, setting: str = "") -> None:
    """Keep the finished points of one experiment, and write its results, if it has any."""
    sweeps, folder = folders(name, setting)
    points = find_points([sweeps]) if sweeps.is_dir() else []
    new = keep_points(point for point in points if point.status == "done")
    kept = join_points(read_points(folder / KEPT), new)
    if not kept:
        return
    folder.mkdir(exist_ok=True)
    write_points(folder / KEPT, kept)
    without_results = (point for point in points if point.status != "done")
    summary = summarize_points([*(one.point for one in kept), *without_results])
    write_results(name, folder, summary, kept)
    print(f"{name}: {summary.state}; written to {folder}")


def main() -> None:
    """Sweep if an experiment is named, then report."""
    names = sweep_names()
    if len(sys.argv) > 1:
        name, *overrides = sys.argv[1:]
        if name not in names:
            sys.exit(f"{name} is not an experiment with a sweep: use one of {', '.join(names)}")
        chosen = [o.removeprefix("setting=") for o in overrides if o.startswith("setting=")]
        setting = chosen[0] if chosen else ""
        sweep(name, setting, overrides)
        report(name, setting)
    else:
        for name in names:
            report(name)
    write_overview()


if __name__ == "__main__":
    main()
