"""``tratree view RUN``: the trajectory trees of a run as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser, megabytes, write_page
from tratree.words import counted

PAGE = "trees.html"


def main(arguments: Sequence[str]) -> None:
    """Write the page and say where it is.

    Raises:
        UserError: If the arguments are wrong, there are no trees, or the page can't be written.
    """
    parser = ArgumentParser(
        prog="tratree view",
        description="Write the trajectory trees of a run as one HTML page that needs no network.",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a run folder, or a finished trees folder of a store"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"where to write (default: {PAGE} in the run folder; for a store's folder, here)",
    )
    parser.add_argument(
        "--store", type=Path, metavar="FOLDER", help="the run's store, if it was moved"
    )
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from tratree.runs.run_folder import STAGES
    from tratree.runs.run_trees import find_trees, tree_page

    found = find_trees(given.run, given.store)
    page = tree_page(found, f"Trees of {given.run.resolve().name}")
    out = given.out or (given.run / PAGE if (given.run / STAGES).is_file() else Path(PAGE))
    write_page(out, page)
    print(f"{counted(len(found.trees), 'tree')} in {out} ({megabytes(page)})")
