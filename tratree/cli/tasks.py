"""``tratree tasks``: which splits and tasks an environment has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console

from tratree.cli.arguments import ArgumentParser, add_overrides
from tratree.composition import compose_config
from tratree.config import Config
from tratree.envs.base import TextEnv, notes
from tratree.errors import UserError
from tratree.report.render_table import Table, terminal_table
from tratree.stages.environment import opened, tasks_of


def main(arguments: Sequence[str]) -> None:
    """List the splits, or the tasks of one."""
    parser = ArgumentParser(
        prog="tratree tasks", description="List an environment's splits, or the tasks of one."
    )
    add_overrides(parser)
    parser.add_argument("--split", help="list its tasks: id and instruction")
    chosen = parser.parse_intermixed_args(arguments)
    config = compose_config(chosen.overrides)
    console = Console()
    with opened(config) as env:
        if chosen.split is None:
            console.print(config.env.name, highlight=False)
            console.print(terminal_table(splits_table(env, config), console.width))
            for note in split_notes(env, config):
                console.print(note, markup=False, highlight=False, soft_wrap=True)
            return
        for task in tasks_of(env, config, chosen.split):
            line = f"{task.task_id}  {' '.join(task.instruction.split())}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def splits_table(env: TextEnv, config: Config) -> Table:
    """Return a table of the splits, with the number of tasks of each type."""
    rows = [["split", "tasks", "types"]]
    for split in config.env.splits:
        try:
            types = Counter(task.task_type for task in tasks_of(env, config, split))
        except UserError as error:
            rows.append([split, "0", str(error)])
            continue
        told = ", ".join(f"{name} {count}" for name, count in sorted(types.items()))
        rows.append([split, f"{types.total()}", told])
    return rows


def split_notes(env: TextEnv, config: Config) -> list[str]:
    """Return what people should know about the splits that have tasks."""
    told = []
    for split, name in config.env.splits.items():
        with suppress(UserError):  # the table says why there are none
            told += [f"{split}: {note}" for note in notes(env, name)]
    return told
