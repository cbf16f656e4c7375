"""Imports of large packages at about half the cost."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext

_AT_START = gc.get_freeze_count()
"""Number of objects that Python itself leaves alone: 0, or a few hundred in 3.12."""


@contextmanager
def large_imports() -> Iterator[None]:
    """Import large packages in the block without Python's cyclic garbage collector.

    It would look again and again through hundreds of thousands of objects that stay as long as the
    program does, and once more when the program ends. After the first such block of a program it
    leaves alone all objects made before; later ones, such as the models of a sweep's points, may
    become garbage.
    """
    begin()
    try:
        yield
    finally:
        end()


def begin() -> None:
    """Do what `large_imports` does at its start."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # else of a kernel that none needs
    gc.disable()


def end() -> None:
    """Do what `large_imports` does at its end."""
    if gc.get_freeze_count() == _AT_START:
        gc.freeze()
    gc.enable()


def import_in_server(context: ForkServerContext, modules: Sequence[str]) -> None:
    """Let the server of a ``forkserver`` context import modules so, once for all its processes.

    Args:
        context: Its server has not started yet; in a program that has one nothing changes.
        modules: Names. One that can't be imported is left to the processes.
    """
    first, last = f"{__name__}.first", f"{__name__}.last"
    context.set_forkserver_preload([first, *modules, last])
