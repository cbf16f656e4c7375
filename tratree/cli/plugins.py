"""``tratree plugins``: the environments and methods that are installed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tratree.cli.arguments import ArgumentParser
from tratree.envs.registry import ENVIRONMENTS
from tratree.method_plugins import METHODS


def main(arguments: Sequence[str]) -> None:
    """List them.

    Raises:
        UserError: If the arguments are wrong, or a plug-in can't be imported.
    """
    parser = ArgumentParser(
        prog="tratree plugins", description="List the installed environments and methods."
    )
    parser.parse_args(arguments)
    console = Console()
    table = Table("choose with", "", "from", box=None)
    for name in ENVIRONMENTS.names():
        extra = ENVIRONMENTS.find(name).extra
        table.add_row(f"env={name}", f"extra {extra}" if extra else "", ENVIRONMENTS.origin(name))
    for name in METHODS.names():
        table.add_row(f"method={name}", METHODS.find(name).help, METHODS.origin(name))
    console.print(table)
