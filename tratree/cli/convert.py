"""``tratree convert``: trajectories between this package's files and those of others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tratree.errors import UserError
from tratree.trajectory.conversations import FORMATS, read_any, write_conversations
from tratree.trajectory.jsonl import write_trajectories

OURS = "tratree"


def main(arguments: Sequence[str]) -> None:
    """Read a file of trajectories in any known format and write it in another."""
    parser = argparse.ArgumentParser(
        prog="tratree convert",
        description="Convert a file of trajectories; the format of the source is told from it.",
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, help="JSON, or one record a line if *.jsonl")
    parser.add_argument("--to", choices=(OURS, *FORMATS), default=OURS, help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    trajectories = read_any(chosen.source)
    try:
        if chosen.to == OURS:
            write_trajectories(chosen.target, trajectories)
        else:
            write_conversations(chosen.target, trajectories, chosen.to)
    except OSError as error:
        raise UserError(
            f"cannot write {chosen.target} ({error.strerror}): choose another place"
        ) from error
    print(f"{len(trajectories)} trajectories in {chosen.target}")
