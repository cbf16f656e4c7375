"""Progress for people: bars in a terminal, an occasional line in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

LINE_EVERY_SECONDS = 10.0

Advance = Callable[..., None]
"""Called as ``advance(done, note="", total=None)`` with the number of units done so far."""


class Progress:
    """Shows the stages of a run and how far the one under way has come, on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._reused: set[str] = set()

    def message(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False, soft_wrap=True)

    def reused(self, title: str, why: str = "found in the store") -> None:
        """Say once that a stage need not be computed."""
        if title not in self._reused:
            self._reused.add(title)
            self.message(f"= {title}: {why}")

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage, and its time when it ends."""
        self.message(f"> {title}")
        self._reused.add(title)
        started = time.monotonic()
        yield
        self.message(f"+ {title}: done in {time.monotonic() - started:.1f} s")

    @contextmanager
    def bar(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar over `total` units; yields a function that sets how many are done.

        A total of None becomes known with the first call of that function.
        """
        if self.console.is_terminal:
            with self._terminal_bar(description, total) as advance:
                yield advance
        else:
            yield self._line_printer(description, total)

    @contextmanager
    def _terminal_bar(self, description: str, total: int | None) -> Iterator[Advance]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with RichProgress(*columns, console=self.console, transient=True) as bars:
            task = bars.add_task(description, total=total, note="")

            def advance(done: int, note: str = "", total: int | None = None) -> None:
                bars.update(task, completed=done, note=note, total=total)

            yield advance

    def _line_printer(self, description: str, total: int | None) -> Advance:
        last = time.monotonic()

        def advance(done: int, note: str = "", total: int | None = total) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_EVERY_SECONDS:
                last = time.monotonic()
                of = "" if total is None else f" of {total}"
                self.message(f"  {description}: {done}{of} {note}".rstrip())

        return advance
