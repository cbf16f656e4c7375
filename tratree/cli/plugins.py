"""``tratree plugins``: the environments and methods that are installed."""

from __future__ import annotations

from collections.abc import Sequence

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
    for name in ENVIRONMENTS.names():
        extra = ENVIRONMENTS.find(name).extra
        _show("env", name, f"extra {extra}" if extra else "", ENVIRONMENTS.origin(name))
    for name in METHODS.names():
        _show("method", name, METHODS.find(name).help, METHODS.origin(name))


def _show(key: str, name: str, said: str, origin: str) -> None:
    print(f"{f'{key}={name}':<24} {said} ({origin})".replace(" ()", ""))
