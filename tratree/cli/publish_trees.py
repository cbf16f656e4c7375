"""``tratree publish-trees RUN ORG/NAME``: the trajectory trees of a run as a dataset on the Hub."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser, add_hub_options, add_run_with_trees
from tratree.cli.checks import check_writable
from tratree.words import counted


def main(arguments: Sequence[str]) -> None:
    """Write the dataset and upload it, and say where it is."""
    parser = ArgumentParser(
        prog="tratree publish-trees",
        description="Upload the trajectory trees of a run to the Hugging Face Hub as a dataset: "
        "Parquet files of nodes and trajectories, a card, and the page of `tratree view`. The "
        "token is that of `hf auth login` or HF_TOKEN.",
    )
    add_run_with_trees(parser)
    parser.add_argument("repo", metavar="ORG/NAME", help="the dataset on the Hub")
    add_hub_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write the dataset there and upload nothing"
    )
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from tratree.runs.hub import check_push, push
    from tratree.runs.run_trees import find_trees
    from tratree.runs.tree_dataset import write_dataset

    if given.out is not None:
        check_writable(str(given.out), "--out")
        write_dataset(find_trees(given.run, given.store), given.out, given.repo, given.license)
        print(f"dataset in {given.out}")
        return
    check_push(given.repo)
    found = find_trees(given.run, given.store)
    with tempfile.TemporaryDirectory() as name:
        write_dataset(found, Path(name), given.repo, given.license)
        said = f"{counted(len(found.trees), 'trajectory tree')} of tratree"
        address = push(Path(name), given.repo, "dataset", private=given.private, message=said)
    print(f"{said}: {address}")
