"""``tratree settings``: every setting, with its values, its default and what it means."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tratree.cli.arguments import ArgumentParser
from tratree.config_reading import known_settings, unknown_key
from tratree.errors import UserError


def main(arguments: Sequence[str]) -> None:
    """List those whose key has a word in it.

    Raises:
        UserError: If there is none.
    """
    parser = ArgumentParser(
        prog="tratree settings",
        description="List all settings: values, default, meaning and source. What a run has is "
        "shown by `python train.py ... --cfg job`.",
    )
    parser.add_argument("word", nargs="?", default="", help="part of a key, such as tree or beta")
    word = parser.parse_args(arguments).word
    found = [setting for key, setting in known_settings().items() if word in key]
    if not found:
        raise UserError(unknown_key(word))
    console = Console(highlight=False)
    for setting in found:
        must = setting.default == "???"
        default = "no default" if must else f"default {json.dumps(setting.default)}"
        console.print(Text(setting.key, style="bold"), Text(f"{setting.values}; {default}"))
        console.print(Padding(Text(" ".join(setting.meaning.split())), (0, 0, 0, 4)))
