"""``tratree panel``: the tasks that results are measured on, and a report on results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tratree.cli.arguments import ArgumentParser, write_page
from tratree.cli.checks import check_writable
from tratree.composition import compose_config
from tratree.envs.registry import ENVIRONMENTS
from tratree.report.render_table import terminal_table

if TYPE_CHECKING:
    from tratree.panel.results import Results


def main(arguments: Sequence[str]) -> None:
    """Write the task lists, or report on results."""
    parser = ArgumentParser(
        prog="tratree panel",
        description="Write the exact tasks of all environments with their hashes; with files of "
        "results (of `tratree evaluate`, or of others in the same format), compare any two.",
    )
    parser.add_argument(
        "given",
        nargs="*",
        metavar="key=value | RESULTS.json",
        help="settings, such as env=webshop for one environment; or files of results",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: panel.json, of results panel.md"
    )
    chosen = parser.parse_intermixed_args(arguments)
    console = Console()
    files = [Path(text) for text in chosen.given if "=" not in text]
    if files:
        _report(files, chosen.out or Path("panel.md"), console)
    else:
        out = chosen.out or Path("panel.json")
        check_writable(str(out.absolute().parent), "--out")
        _write_tasks(chosen.given, out, console)


def _write_tasks(overrides: Sequence[str], out: Path, console: Console) -> None:
    from tratree.panel.tasks import FORMAT, read_panel

    given = [text.removeprefix("env=") for text in overrides if text.startswith("env=")]
    rest = [text for text in overrides if not text.startswith("env=")]
    names = given or ENVIRONMENTS.names()
    configs = [compose_config([f"env={name}", *rest]) for name in names]
    panels = [read_panel(config) for config in configs]
    environments = {panel.environment: panel.to_json() for panel in panels}
    text = json.dumps({"format": FORMAT, "environments": environments}, indent=1, sort_keys=True)
    write_page(out, text + "\n")
    rows = [
        [panel.environment, split, str(len(panel.splits[split])), value[:16]]
        for panel in panels
        for split, value in panel.hashes().items()
    ]
    header = ["environment", "split", "tasks", "sha256"]
    console.print(terminal_table([header, *rows], console.width))
    whole = hashlib.sha256((text + "\n").encode()).hexdigest()
    console.print(f"tasks in {out} (sha256 {whole[:16]})", highlight=False, soft_wrap=True)


def _report(files: Sequence[Path], out: Path, console: Console) -> None:
    from tratree.panel.report import page
    from tratree.panel.results import read_results

    results = [read_results(path) for path in files]
    text = page(results)
    write_page(out, text)
    print_results(results, console)
    console.print(f"report in {out}", highlight=False, soft_wrap=True)


def print_results(results: Sequence[Results], console: Console) -> None:
    """Print figures and tests as far as they fit, and what keeps results from being compared."""
    from tratree.panel.report import differing, paired_tests, table

    for shown in (table(results), paired_tests(results)):
        if len(shown) > 1:
            console.print(terminal_table(shown, console.width, ("steps", "tasks")))
    for note in differing(results):
        console.print(f"take care: {note}", markup=False, highlight=False, soft_wrap=True)
