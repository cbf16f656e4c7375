"""``tratree evaluate MODEL``: a model plays the panel's tasks of one environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tratree.cli.arguments import ArgumentParser, add_overrides
from tratree.cli.checks import check_writable
from tratree.cli.panel import print_results
from tratree.composition import compose_config
from tratree.large_imports import large_imports


def main(arguments: Sequence[str]) -> None:
    """Play, and write the results; what an interrupted command has played is kept."""
    parser = ArgumentParser(
        prog="tratree evaluate",
        description="Let a model play the tasks that runs are evaluated on, by the same protocol.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a folder or Hub id of a model or of a LoRA adapter, or the address of an "
        "OpenAI-compatible endpoint, such as http://localhost:8000/v1",
    )
    add_overrides(parser)
    parser.add_argument("--name", help="of the system in results (default: the model's)")
    parser.add_argument("--base", metavar="MODEL", help="the base model of an adapter")
    parser.add_argument(
        "--template", help="a packaged chat template (default: the tokenizer's own)"
    )
    parser.add_argument("--served-model", metavar="NAME", help="which model of an endpoint")
    parser.add_argument(
        "--out", type=Path, default=Path("panel"), metavar="FOLDER", help="default: %(default)s"
    )
    chosen = parser.parse_intermixed_args(arguments)
    check_writable(str(chosen.out), "--out")
    config = compose_config(chosen.overrides)

    with large_imports():
        from tratree.panel.play import Player, evaluate_on_panel
        from tratree.panel.report import page

    player = Player(chosen.model, chosen.name, chosen.base, chosen.template, chosen.served_model)
    path, results = evaluate_on_panel(player, config, chosen.out)
    report = path.with_suffix(".md")
    report.write_text(page([results]), encoding="utf-8")
    console = Console()
    print_results([results], console)
    console.print(f"results in {path}, report in {report}", highlight=False, soft_wrap=True)
