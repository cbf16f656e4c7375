"""Progress for people: bars in a terminal, an occasional line in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
)
from rich.progress import Progress as RichProgress

LINE_EVERY_SECONDS = 10.0
LOG_WIDTH = 132
"""Columns of tables in the log file."""

Advance = Callable[..., None]
"""Called as ``advance(done, note="", total=None)`` with the number of units done so far."""


class Progress:
    """Shows the stages of a run and how far the one under way has come, on standard error.

    Attributes:
        console: The console that it is shown on.
        quiet: Whether only bars are shown, and messages go to the log alone.
        log: A file that gets what is shown but bars, with the time; None: no file.
    """

    def __init__(
        self, console: Console | None = None, *, log: Path | None = None, quiet: bool = False
    ) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.log = log
        self.quiet = quiet
        self._reused: set[str] = set()
        self._expected: dict[str, float | None] = {}
        self._stages = self._begun = 0
        self._now = ""

    def plan(self, expected: Mapping[str, float | None]) -> None:
        """Get to know what a run is going to compute.

        Args:
            expected: The stages by title, in their order; each with the seconds that it may take,
                None where nothing tells.
        """
        self._expected, self._stages, self._begun = dict(expected), len(expected), 0

    def message(self, text: str) -> None:
        """Print one line; in a terminal it is wrapped between words."""
        if not self.quiet:
            self.console.print(text, markup=False, soft_wrap=not self.console.is_terminal)
        self._keep(text)

    def show(self, print_to: Callable[[Console], None], console: Console | None = None) -> None:
        """Print a table.

        Args:
            print_to: Prints it to a console; called for the log, too.
            console: Its console, if not that of messages.
        """
        if not self.quiet:
            print_to(console or self.console)
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                print_to(Console(file=file, width=LOG_WIDTH))

    def reused(self, title: str, why: str = "found in the store") -> None:
        """Say once that a stage need not be computed."""
        self._expected.pop(title, None)
        if title not in self._reused:
            self._reused.add(title)
            self.message(f"= {title}: {why}")

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage, and its time when it ends."""
        self._begun += 1
        place = f", stage {self._begun} of {self._stages}" if self._begun <= self._stages else ""
        self.message(f"> {title}{place}")
        self._reused.add(title)
        self._now = title
        started = time.monotonic()
        yield
        self._expected.pop(title, None)
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
        bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
        )
        with bars:
            task = bars.add_task(description, total=total, note="", pace="")
            pace = self._pace()

            def advance(done: int, note: str = "", total: int | None = None) -> None:
                of = total or bars.tasks[0].total
                bars.update(task, completed=done, note=note, total=total, pace=pace(done, of))

            yield advance

    def _line_printer(self, description: str, total: int | None) -> Advance:
        last = time.monotonic()
        pace = self._pace()

        def advance(done: int, note: str = "", total: int | None = total) -> None:
            nonlocal last
            said = pace(done, total)
            if time.monotonic() - last >= LINE_EVERY_SECONDS:
                last = time.monotonic()
                of = "" if total is None else f" of {total}"
                parts = [f"{done}{of}", said, note]
                self.message(f"  {description}: {', '.join(filter(None, parts))}")

        return advance

    def _pace(self) -> Callable[[int, float | None], str]:
        """Return a function that says the rate and the time left, from its first call on.

        What was done before, by an interrupted run, does not count for the rate.
        """
        began: tuple[float, int] | None = None

        def pace(done: int, total: float | None) -> str:
            nonlocal began
            now = time.monotonic()
            if began is None:
                began = now, done
            elapsed, more = now - began[0], done - began[1]
            if total is None or elapsed < 1 or more <= 0:
                return ""
            rate = more / elapsed
            left = (total - done) / rate
            said = f"{rate:.1f}/s, {duration(left)} left"
            later = [seconds for title, seconds in self._expected.items() if title != self._now]
            if later and None not in later:
                said += f", {duration(left + sum(filter(None, later)))} for the run"
            return said

        return pace

    def _keep(self, text: str) -> None:
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def duration(seconds: float) -> str:
    """Say how long something takes, such as 50 s, 12 min or 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
