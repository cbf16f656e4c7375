"""Parsing of the arguments of a command."""

from __future__ import annotations

import argparse
from typing import NoReturn

from tratree.errors import UserError


class ArgumentParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all bad input does."""

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError`."""
        raise UserError(f"{message}; `{self.prog} --help` shows how to call it")
