"""Shared code of commands: parsing of arguments, and writing of pages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from tratree.errors import UserError


class ArgumentParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all bad input does."""

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError`."""
        raise UserError(f"{message}; `{self.prog} --help` shows how to call it")


def write_page(out: Path, page: str) -> None:
    """Write a page where ``--out`` says.

    Raises:
        UserError: If it can't be written.
    """
    try:
        out.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror}): set --out FILE") from error


def megabytes(page: str) -> str:
    """Say how large a page is."""
    return f"{len(page.encode()) / 1e6:.1f} MB"
