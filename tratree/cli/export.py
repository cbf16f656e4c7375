"""``tratree export RUN``: a trained model as a folder that other programs load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser, add_hub_options
from tratree.cli.checks import check_writable
from tratree.errors import UserError
from tratree.large_imports import large_imports


def main(arguments: Sequence[str]) -> None:
    """Write the folder and say where it is."""
    parser = ArgumentParser(
        prog="tratree export",
        description="Write a trained model with its tokenizer and a model card to a folder, and "
        "with --push to the Hugging Face Hub, with the token of `hf auth login` or HF_TOKEN.",
    )
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="a run folder, or a finished fine-tuning in a store, such as STORE/imitate/KEY",
    )
    parser.add_argument(
        "--system", metavar="NAME", help="which of the run's systems (default: the method's)"
    )
    parser.add_argument(
        "--merged",
        action="store_true",
        help="a whole model for transformers (default: a LoRA adapter for peft)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("export"),
        metavar="FOLDER",
        help="where to write (default: %(default)s)",
    )
    add_hub_options(parser)
    parser.add_argument(
        "--push", metavar="ORG/NAME", default="", help="upload it to this repository of the Hub"
    )
    parser.add_argument(
        "--base",
        metavar="NAME",
        help="how others call the base model (default: as in the run)",
    )
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="ORG/NAME",
        help="a dataset on the Hub that it was trained on, for the card; may be repeated",
    )
    given = parser.parse_args(arguments)
    if not given.run.is_dir():
        raise UserError(f"there is no folder {given.run}: give the one that a run named at its end")
    check_writable(str(given.out), "--out")
    if given.push:
        from tratree.runs.hub import check_push, push

        check_push(given.push)

    # Heavy imports wait until the arguments are known to be right.
    with large_imports():
        from tratree.runs.export import ForOthers, export

    told = ForOthers(given.push, given.base, given.license, tuple(given.dataset))
    export(given.run, given.out, system=given.system, merged=given.merged, told=told)
    what = "whole model" if (given.out / "config.json").is_file() else "adapter"
    print(f"{what} in {given.out}")
    if given.push:
        said = f"{what} of tratree"
        print(
            f"pushed to {push(given.out, given.push, 'model', private=given.private, message=said)}"
        )
