"""``tratree panel``: the tasks that results are measured on, and a report on results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tratree.cli.arguments import ArgumentParser, write_page
from tratree.cli.checks import check_writable
from tratree.composition import compose_config
from tratree.envs.registry import ENVIRONMENTS


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
    table = Table("environment", "split", "tasks", "sha256")
    for panel in panels:
        for split, value in panel.hashes().items():
            table.add_row(panel.environment, split, str(len(panel.splits[split])), value[:16])
    console.print(table)
    whole = hashlib.sha256((text + "\n").encode()).hexdigest()
    console.print(f"tasks in {out} (sha256 {whole[:16]})", highlight=False, soft_wrap=True)


def _report(files: Sequence[Path], out: Path, console: Console) -> None:
    from tratree.panel.report import differing, page, paired_tests, table
    from tratree.panel.results import read_results

    results = [read_results(path) for path in files]
    text = page(results)
    write_page(out, text)
    for header, *rows in (table(results), paired_tests(results)):
        shown = Table(*header)
        for row in rows:
            shown.add_row(*map(Text, row))
        if rows:
            console.print(shown)
    for note in differing(results):
        console.print(f"take care: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report in {out}", highlight=False, soft_wrap=True)
