"""Shared code of commands: parsing of arguments, and writing of pages."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tratree.errors import UserError
from tratree.words import nearest


class ArgumentParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all bad input does; takes a run's store=FOLDER, too."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read store=FOLDER, as a run is given it, where --store is an option."""
        if args is not None and "--store" in self._option_string_actions:
            args = [f"--{each}" if each.startswith("store=") else each for each in args]
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError`, with the option or choice that may be meant."""
        raise UserError(
            f"{message}{self._meant(message)}; `{self.prog} --help` shows how to call it"
        )

    def _meant(self, message: str) -> str:
        """Return which option or choice a message of argparse's may be about."""
        if found := re.search(r"unrecognized arguments: (-[\w-]+)", message):
            below = (a.choices for a in self._actions if isinstance(a, argparse._SubParsersAction))
            parsers = [self, *(parser for choices in below for parser in choices.values())]
            return nearest(found.group(1), {o for p in parsers for o in p._option_string_actions})
        if found := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            return nearest(found.group(1), re.findall(r"[\w.-]+", found.group(2)))
        return ""


def add_overrides(parser: ArgumentParser, help: str = "such as env=webshop") -> None:
    """Add the settings of the command, at any number and place."""
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help=help)


def add_task(parser: ArgumentParser) -> None:
    """Add what names a task."""
    parser.add_argument(
        "--split", default="train", help="one that `tratree tasks` lists (default: %(default)s)"
    )
    parser.add_argument(
        "--task",
        default="0",
        help="its id, or its number in the split from 0 (default: %(default)s)",
    )


def add_run_with_trees(parser: ArgumentParser) -> None:
    """Add what names the trees of a run."""
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a run folder, or a finished trees folder of a store"
    )
    add_store(parser)


def add_store(parser: ArgumentParser) -> None:
    """Add where the store of a run is."""
    parser.add_argument(
        "--store", type=Path, metavar="FOLDER", help="the run's store, if it was moved"
    )


def add_hub_options(parser: ArgumentParser) -> None:
    """Add what every upload to the Hub may be told."""
    parser.add_argument(
        "--private", action="store_true", help="make the repository private, if it is new"
    )
    parser.add_argument(
        "--license", metavar="ID", help="as the Hub spells it, such as apache-2.0, for the card"
    )


def check_arguments(arguments: Sequence[str]) -> None:
    """Check the options of a run as Hydra will, which would explain them over many lines.

    Raises:
        UserError: If there is no such option, or it lacks a value.
    """
    # Imported here, because the other commands need no Hydra to say how they are called.
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> NoReturn:
        raise UserError(
            f"{message}; give all KEY=VALUE together, in quotes if there are spaces in one, and "
            "options such as -m before them: `python train.py --help` lists both"
        )

    parser: Any = get_args_parser()
    parser.error = refuse
    parser.parse_args(arguments)


def write_page(out: Path, page: str) -> None:
    """Write a page where ``--out`` says.

    Raises:
        UserError: If it can't be written.
    """
    try:
        out.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror}): set --out FILE") from error
