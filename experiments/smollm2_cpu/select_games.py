"""Choose a few short official ALFWorld games, so that a CPU can fine-tune a real model on them.

    python experiments/smollm2_cpu/select_games.py FOLDER

Reads the compact files of the official games (train.jsonl.gz, valid_seen.jsonl.gz) from the folder
alfworld/ of the external data (TRATREE_DATA) and writes files of the same form to FOLDER: games of
type look_at_obj_in_light with a solution of three actions, those of the smallest scenes first, at
most one an object and scene. All scenes are full-size.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from tratree.external_data import external_data

TASK_TYPE = "look_at_obj_in_light"
ACTIONS = 3
GAMES = {"train": 4, "valid_seen": 4}


def choose(source: Path, count: int) -> list[dict[str, Any]]:
    """Return the records of the chosen games."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    fitting = [
        record
        for record in records
        if record["task_type"] == TASK_TYPE and len(record["walkthrough"] or ()) == ACTIONS
    ]
    fitting.sort(key=lambda record: (len(record["pddl_problem"]), record["id"]))
    chosen: dict[Any, dict[str, Any]] = {}
    for record in fitting:
        chosen.setdefault((record["scene_num"], record["pddl_params"]["object_target"]), record)
    return list(chosen.values())[:count]


def main() -> None:
    """Write the chosen games of each split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the chosen games go")
    folder = parser.parse_args().folder
    source = external_data("alfworld")
    if source is None:
        raise SystemExit("no official games: set TRATREE_DATA to a folder that holds alfworld/")
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in GAMES.items():
        records = choose(source / f"{split}.jsonl.gz", count)
        with gzip.open(folder / f"{split}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
        print(f"{split}: {', '.join(record['id'].split('/')[1] for record in records)}")


if __name__ == "__main__":
    main()
