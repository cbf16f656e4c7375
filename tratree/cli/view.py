"""``tratree view RUN``: the trajectory trees of a run as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tratree.cli.arguments import ArgumentParser
from tratree.errors import UserError

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
    from tratree.pipeline.run_folder import STAGES
    from tratree.pipeline.run_trees import find_trees
    from tratree.tree.mcts import search_paths
    from tratree.tree.view import render

    found = find_trees(given.run, given.store)
    page = render(
        found.trees,
        search_paths(found.trees, **found.search),
        title=f"Trees of {given.run.resolve().name}",
        note=f"merged with {_list(found.settings)}; "
        f"MCTS path with {_list(found.search) or 'the default settings'}",
    )
    out = given.out or (given.run / PAGE if (given.run / STAGES).is_file() else Path(PAGE))
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror}): set --out FILE") from error
    print(f"{len(found.trees)} trees in {out} ({len(page.encode()) / 1e6:.1f} MB)")


def _list(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
