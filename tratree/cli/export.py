"""``tratree export RUN``: a trained model as a folder that other programs load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser
from tratree.large_imports import large_imports


def main(arguments: Sequence[str]) -> None:
    """Write the folder and say where it is.

    Raises:
        UserError: If there is no such model.
    """
    parser = ArgumentParser(
        prog="tratree export",
        description="Write a trained model with its tokenizer and a model card to a folder.",
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
        help="where to write (default: export)",
    )
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    with large_imports():
        from tratree.runs.export import export

    export(given.run, given.out, system=given.system, merged=given.merged)
    whole = (given.out / "config.json").is_file()
    print(f"{'whole model' if whole else 'adapter'} in {given.out}")
