"""``tratree progress SWEEP``: how far a sweep has come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tratree.cli.arguments import ArgumentParser
from tratree.errors import UserError
from tratree.store.progress import duration
from tratree.words import counted

if TYPE_CHECKING:
    from rich.console import Group

    from tratree.sweeps.sweep_progress import SweepProgress

LOOK_EVERY_SECONDS = 5.0


def main(arguments: Sequence[str]) -> None:
    """Print points, stages and the time left; with ``--watch`` until the sweep is over."""
    parser = ArgumentParser(
        prog="tratree progress",
        description="Show how far a sweep or a search has come: its points, the stages that they "
        "need from the store, and the time left, by what finished stages took. It looks at run "
        "folders and the store, whatever the launcher: a SLURM job that is queued is a point that "
        "waits. Trials that a search has still to propose are counted, but not their stages.",
    )
    parser.add_argument(
        "sweep", type=Path, metavar="SWEEP", help="the folder of a sweep, or of several"
    )
    parser.add_argument(
        "--watch", action="store_true", help="look again every few seconds until it is over"
    )
    given = parser.parse_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    progress, text = _look(given.sweep)
    if not given.watch:
        console.print(text)
        return
    with Live(text, console=console, auto_refresh=False) as live:
        while progress.points["waiting"] or progress.points["running"]:
            time.sleep(LOOK_EVERY_SECONDS)
            progress, text = _look(given.sweep)
            live.update(text, refresh=True)


def _look(sweep: Path) -> tuple[SweepProgress, Group]:
    from rich.console import Group
    from rich.table import Table

    from tratree.cli.planned import (
        PLAN,
        config_dir_of,
        launched_from,
        planned_identity,
        planned_points,
        planned_runs,
        planned_stages,
    )
    from tratree.sweeps.points import by_key, find_begun_points
    from tratree.sweeps.sweep_progress import sweep_progress

    begun = find_begun_points([sweep])
    known_by = {point.identity for point in begun}
    places, known, trials = [], True, 0
    for plan in sorted(sweep.rglob(PLAN)):
        planned, runs = planned_points(plan), planned_runs(plan)
        known &= planned is not None or runs is not None
        of_plan = [p.overrides for p in begun if plan.parent.resolve() in p.folder.parents]
        place = launched_from(plan), config_dir_of(plan)
        for point in planned or ():
            identity = planned_identity(point, place[1])
            if by_key(point) in of_plan or identity in known_by:
                continue
            known_by.add(identity)
            places.append(planned_stages(point, *place))
        trials += max(0, (runs or 0) - len(of_plan))
    if not begun and not places and not trials:
        raise UserError(
            f"there is no sweep in {sweep}: give the folder that it named when it began"
        )
    progress = sweep_progress(begun, [*places, *({} for _ in range(trials))])

    counts = ", ".join(f"{number} {state}" for state, number in progress.points.items())
    table = Table("stage", box=None, pad_edge=False)
    for name in ("finished", "running", "missing", "seconds each"):
        table.add_column(name, justify="right")
    for stage in progress.stages:
        seconds = "" if stage.seconds is None else f"{stage.seconds:.1f}"
        numbers = (stage.finished, stage.running, stage.missing)
        table.add_row(stage.title, *map(str, numbers), seconds)
    more = "" if known else " (so far: how many there will be is not known)"
    return progress, Group(f"points: {counts}{more}", table, _time_left(progress, trials))


def _time_left(progress: SweepProgress, trials: int) -> str:
    proposed = f"{counted(trials, 'trial')} still to be proposed"
    if not any(stage.left for stage in progress.stages):
        if trials:
            return f"left: {proposed}"
        failed = progress.points["failed"]
        again = f", but {counted(failed, 'point')} failed: run the same command again"
        return f"left: nothing{again if failed else ''}"
    said = f"left: about {duration(progress.seconds_left)} of work"
    running = progress.points["running"]
    if running > 1:
        said += f", {duration(progress.seconds_left / running)} with {running} running"
    if progress.unknown:
        known = progress.seconds_left > 0
        names = ", ".join(f"{stage.left} × {stage.title}" for stage in progress.unknown)
        said = f"{said} and an unknown time for " if known else "left: an unknown time for "
        said += f"{names}, of which none has finished yet"
    return f"{said}, besides {proposed}" if trials else said
