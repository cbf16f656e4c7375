"""``tratree summarize SWEEP``: the results of a sweep in one table, with plots."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser
from tratree.words import counted

TABLE_WIDTH = 132
"""Letters of a line where the output is not a terminal."""


def main(arguments: Sequence[str]) -> None:
    """Write the summary, print its table, and say where it is."""
    parser = ArgumentParser(
        prog="tratree summarize",
        description="Put the results of a sweep into one table, with plots. Points may still be "
        "waiting or running, and several sweeps may be given.",
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="SWEEP", help="a folder with runs, at any depth"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where to write (default: folder 'summary' in the first SWEEP)",
    )
    given = parser.parse_intermixed_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from rich.console import Console

    from tratree.report.render_table import terminal_table
    from tratree.sweeps.points import find_points
    from tratree.sweeps.summary import PAGE, summarize_points, write_summary

    summary = summarize_points(find_points(given.folders))
    out = given.out or given.folders[0] / "summary"
    write_summary(summary, out, given.folders[0].resolve().name)
    console = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
    for table in (summary.brief(), summary.replications(), summary.problems()):
        if len(table) > 1:
            console.print(terminal_table(table, console.width, summary.left_out))
    print(
        f"{counted(len(summary.counted), 'point')} ({summary.state}); "
        f"all figures and plots: {out / PAGE}"
    )
