"""``tratree report RUN``: everything about a run on one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser, megabytes, write_page

PAGE = "report.html"
TREES = "trees.html"


def main(arguments: Sequence[str]) -> None:
    """Write the page, and that of the trees beside it, and say where they are.

    Raises:
        UserError: If the arguments are wrong, the folder is not a run, or a page can't be written.
    """
    parser = ArgumentParser(
        prog="tratree report",
        description="Put results, learning curves, trees and the same episodes of every system on "
        "one HTML page that needs no network. The run need not be finished. The trees that it "
        f"links to are in {TREES} beside it, as `tratree view` writes them.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"where to write (default: {PAGE} in the run folder)",
    )
    parser.add_argument(
        "--store", type=Path, metavar="FOLDER", help="the run's store, if it was moved"
    )
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from tratree.report.run_page import render
    from tratree.runs.run_record import read_run
    from tratree.runs.run_trees import find_trees, tree_page

    record = read_run(given.run, given.store)
    out = given.out or given.run / PAGE
    page = render(record, viewer=TREES if record.trees else None)
    write_page(out, page)
    if record.trees:
        found = find_trees(given.run, given.store)
        write_page(out.with_name(TREES), tree_page(found, f"Trees of {record.name}"))
    print(f"report in {out} ({megabytes(page)}); run: {record.status}")
