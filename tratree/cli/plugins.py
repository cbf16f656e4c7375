"""``tratree plugins``: the environments and methods that are installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill

from tratree.cli.arguments import ArgumentParser
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.method_plugins import METHODS
from tratree.plugins import Plugin, PluginGroup

LINE = 80
"""Letters of a line."""

NAME = 25
"""Letters of a name, with the space after it."""


def main(arguments: Sequence[str]) -> None:
    """List them.

    Raises:
        UserError: If the arguments are wrong.
    """
    parser = ArgumentParser(
        prog="tratree plugins", description="List the installed environments and methods."
    )
    parser.parse_args(arguments)
    for name in ENVIRONMENTS.names():
        _show(ENVIRONMENTS, name, lambda plugin: f"extra {plugin.extra}" if plugin.extra else "")
    for name in METHODS.names():
        _show(METHODS, name, lambda plugin: plugin.help)


def _show(group: PluginGroup[Plugin], name: str, say: Callable[[Plugin], str]) -> None:
    try:
        said = say(group.find(name))
    except UserError as error:
        said = f"broken: {error}"
    origin = group.origin(name)
    said += "" if origin.startswith("tratree ") else f" ({origin})"
    print(fill(f"{f'{group.key}={name}':<{NAME}}{said}", LINE, subsequent_indent=" " * NAME))
