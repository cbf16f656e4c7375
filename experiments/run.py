"""Run the sweep of an experiment, and write its results beside its README.

    python experiments/run.py main_table env=alfworld   # sweep, then table, figure and cost
    python experiments/run.py                           # all of that again from stored points
    python experiments/run.py join ../other-checkout    # and from what was measured there

The first form takes any override and may be repeated: with others, such as further seeds, its
points join those that are there. Points are in multirun/NAME; what the store has is not computed
again. Finished ones are kept in NAME/points.jsonl, so that others, measured later or on another
machine, join them, too. A point is known by the settings that determine its result and by its seed,
so it counts once, however it was asked for; what was measured again is listed as a replication.
With setting=paper they are in multirun/NAME-paper, and the results in a folder `paper`. In every
case the tables of all experiments in experiments/table.md are written again, that of the sweeps
and that of the others.
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
from tratree.report.html import svg
from tratree.report.render_table import Table, markdown_table
from tratree.report.table import p_text
from tratree.runs.run_folder import seconds_by_name
from tratree.runs.starts import origin
from tratree.sweeps.kept_points import (
    KeptPoint,
    join_points,
    keep_points,
    read_points,
    write_points,
)
from tratree.sweeps.points import Point, find_points
from tratree.sweeps.summary import (
    NOTE,
    Summary,
    replications_in_markdown,
    summarize_points,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SWEEPS = ROOT / "multirun"
KEPT = "points.jsonl"
PAPER = ("reward", "success")
ALSO: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "main_table": (
        (
            "variants",
            {
                "method.name": "tree_dpo",
                "method.start": "sft",
                "method.continuation": "next_divergence",
            },
        ),
        ("ablation", {"method.name": "success_only", "method.trajectories_per_task": 1}),
    )
}
"""Systems of a table that another experiment measures: its points with these values."""


def sweep_names() -> list[str]:
    """Return the experiments that are sweeps."""
    files = (ROOT / "conf" / "experiment").glob("*.yaml")
    sweeps = (path.stem for path in files if "mode: MULTIRUN" in path.read_text("utf-8"))
    return sorted(name for name in sweeps if (HERE / name).is_dir())


def folders(name: str, setting: str = "") -> tuple[Path, Path]:
    """Return the folder of the points, and that of the results."""
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
    measured = origin(start for one in kept for start in one.point.starts)
    seconds = seconds_by_name({stage: time for one in kept for stage, time in one.seconds.items()})
    total = sum(seconds.values())
    stages = ", ".join(f"{stage} {time / 60:.1f}" for stage, time in seconds.items())
    parts = [
        f"# {name}: results",
        f"`python experiments/run.py {' '.join([name, *fixed])}`; {measured}; "
        f"seeds {', '.join(map(str, seeds))}; {len(summary.counted)} points: {summary.state}.",
        markdown_table(with_paper(summary.table(), HERE / name)),
        NOTE,
        *replications_in_markdown(summary),
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
    names_of_row = ("experiment", "env", "split", "system", "settings")
    figures = ("seeds", "tasks", "reward", "to sft_strong", "p", "p (Holm)", "detectable")
    table = [[*names_of_row, *figures]]
    for name in names:
        path = HERE / name / "results.json"
        link = f"[`{name}`]({name}/README.md)"
        if not path.is_file():
            table.append([link, *[""] * 3, "not measured yet", *[""] * 7])
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
    difference = "" if row["difference"] is None else f"{100 * row['difference']:+.1f}"
    if row["difference_half"] is not None:
        difference += f" ± {100 * row['difference_half']:.1f}"
    detectable = "" if row["detectable"] is None else f"{100 * row['detectable']:.1f}"
    compared = [difference, p_text(row["p"]), p_text(row["p_holm"]), detectable]
    return [*names, str(row["seeds"]), str(row["tasks"] or ""), reward, *compared]


def write_overview() -> None:
    """Write the tables of all experiments into ``table.md``, between their marks."""
    path = HERE / "table.md"
    text = path.read_text("utf-8")
    for name, table in (("results", overview(sweep_names())), ("findings", findings(HERE))):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = f"{before}{begin}\n{markdown_table(table)}\n{end}{after}"
    path.write_text(text, encoding="utf-8")


def keep(name: str, setting: str = "", checkouts: Iterable[Path] = ()) -> list[Point]:
    """Add the finished points of one experiment to its file.

    Args:
        name: The experiment.
        setting: As of `folders`.
        checkouts: Other folders like this project's, whose points join, too.

    Returns:
        The points without results.
    """
    sweeps, folder = folders(name, setting)
    points = find_points([sweeps]) if sweeps.is_dir() else []
    kept = read_points(folder / KEPT)
    new = keep_points(point for point in points if point.status == "done")
    for checkout in checkouts:
        kept += read_points(checkout / "experiments" / name / setting / KEPT)
        runs = checkout / "multirun" / sweeps.name
        if runs.is_dir():
            new += keep_points(point for point in find_points([runs]) if point.status == "done")
    joined = join_points(kept, new)
    if joined:
        folder.mkdir(exist_ok=True)
        write_points(folder / KEPT, joined)
    return [point for point in points if point.status != "done"]


def report(name: str, setting: str = "", without_results: Sequence[Point] = ()) -> None:
    """Write the results of one experiment from the points that are kept, if there are any."""
    _, folder = folders(name, setting)
    kept = read_points(folder / KEPT)
    if not kept:
        return
    for other, values in ALSO.get(name, ()):
        of_other = read_points(folders(other, setting)[1] / KEPT)
        kept += [o for o in of_other if all(o.point.value(k) == v for k, v in values.items())]
    summary = summarize_points([*(one.point for one in kept), *without_results])
    write_results(name, folder, summary, kept)
    print(f"{name}: {summary.state}; written to {folder}")


def main() -> None:
    """Sweep if an experiment is named, or join what others measured; then report."""
    names, setting, checkouts = sweep_names(), "", []
    if sys.argv[1:2] == ["join"]:
        checkouts = [Path(argument) for argument in sys.argv[2:]]
        if not checkouts or not all((path / "experiments").is_dir() for path in checkouts):
            sys.exit("join takes folders of other checkouts of this project")
    elif len(sys.argv) > 1:
        name, *overrides = sys.argv[1:]
        if name not in names:
            sys.exit(f"{name} is not an experiment with a sweep: use one of {', '.join(names)}")
        chosen = [o.removeprefix("setting=") for o in overrides if o.startswith("setting=")]
        setting = chosen[0] if chosen else ""
        sweep(name, setting, overrides)
        users = [user for user, others in ALSO.items() if name in (other for other, _ in others)]
        names = [name, *users]
    without_results = {name: keep(name, setting, checkouts) for name in names}
    for name in names:
        report(name, setting, without_results[name])
    write_overview()


if __name__ == "__main__":
    main()
