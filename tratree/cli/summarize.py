"""``tratree summarize SWEEP``: the results of a sweep in one table, with plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser


def main(arguments: Sequence[str]) -> None:
    """Write the summary, print its table, and say where it is.

    Raises:
        UserError: If the arguments are wrong, there is no run, or the summary can't be written.
    """
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
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from tratree.report.render_table import markdown_table
    from tratree.sweeps.points import find_points
    from tratree.sweeps.summary import summarize_points, write_summary

    summary = summarize_points(find_points(given.folders))
    out = given.out or given.folders[0] / "summary"
    write_summary(summary, out, given.folders[0].resolve().name)
    for table in (summary.table(), summary.replications(), summary.problems()):
        if len(table) > 1:
            print(markdown_table(table) + "\n")
    print(f"{len(summary.counted)} points ({summary.state}); table and plots in {out}")
