"""``tratree convert``: trajectories between this package's files and those of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tratree.cli.arguments import ArgumentParser, add_overrides
from tratree.cli.replayed import DIFFERENCES, replay_all
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.files import write_json
from tratree.trajectory.conversations import FORMATS, write_conversations
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.reading.read import Reading, read_trajectory_files
from tratree.words import counted

OURS = "tratree"
_NO_JSON = (".gz", ".bz2", ".xz", ".zst", ".zip", ".parquet", ".pq", ".arrow", ".csv", ".tsv")


def main(arguments: Sequence[str]) -> None:
    """Read a file of trajectories in any known form and write it in a named one."""
    parser = ArgumentParser(
        prog="tratree convert",
        description="Convert a file or folder of trajectories; its form is told from it.",
        epilog="Exit code 0 if anything was taken, 1 if nothing was, or with --strict not all.",
    )
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="a file or folder of trajectories"
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="TARGET",
        help="file to write: one record a line; a JSON list of another format, if not *.jsonl",
    )
    add_overrides(parser, "of --replay, such as env=webshop")
    parser.add_argument("--to", choices=(OURS, *FORMATS), default=OURS, help="default: %(default)s")
    parser.add_argument("--env", choices=ENVIRONMENTS.names(), help="of records that do not tell")
    parser.add_argument("--strict", action="store_true", help="write nothing if a record is bad")
    parser.add_argument("--report", type=Path, metavar="FILE", help="default: TARGET.report.json")
    parser.add_argument("--replay", action="store_true", help="play each one in its environment")
    parser.add_argument(
        "--differences",
        choices=DIFFERENCES,
        default="report",
        help="of --replay: report them, fix texts and score to what is seen here, or drop such "
        "trajectories; default: %(default)s",
    )
    chosen = parser.parse_intermixed_args(arguments)
    if chosen.overrides and not chosen.replay:
        raise UserError(f"{chosen.overrides[0]} is for --replay only: add it, or leave this out")
    report = chosen.report or chosen.target.with_name(f"{chosen.target.name}.report.json")
    for written in (chosen.target, report):
        if chosen.source.resolve() in (written.resolve(), *written.resolve().parents):
            raise UserError(f"{written} is in what is read: choose another place to write to")
    if chosen.target.suffix.lower() in _NO_JSON:
        raise UserError(f"{chosen.target} will be JSON: name it *.json, or *.jsonl for lines")
    reading = read_trajectory_files(chosen.source, chosen.env)
    if chosen.replay:
        replay_all(reading, chosen.overrides, chosen.env, chosen.differences)
    console = Console(highlight=False)
    console.print(_table(reading))
    with _written(report):
        write_json(report, reading.to_json())
    if chosen.strict and reading.skipped:
        place, reason = reading.skipped[0]
        raise UserError(f"--strict: {len(reading.skipped)} skipped, {place}: {reason}")
    if not reading.trajectories:
        raise UserError(f"nothing of {chosen.source} is left to write: see {report}")
    with _written(chosen.target):
        if chosen.to == OURS:
            write_trajectories(chosen.target, reading.trajectories)
        else:
            write_conversations(chosen.target, reading.trajectories, chosen.to)
    print(f"{counted(len(reading.trajectories), 'trajectory', 'trajectories')} in {chosen.target}")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): choose another place") from error


def _table(reading: Reading) -> Table:
    table = Table("", "records", box=None, show_header=False)
    table.add_row("taken", str(len(reading.trajectories)))
    for what, count in sorted(reading.notes.items()):
        table.add_row(Text(f"  {what}"), str(count))
    table.add_row("skipped", str(len(reading.skipped)))
    for count, reason in reading.reasons()[:20]:
        table.add_row(Text(f"  {reason}"), str(count))
    return table
