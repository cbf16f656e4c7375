"""Memory of merging, pairs, paths and packs as the number of trajectories grows.

Trajectories are made up: six a task, a handful of steps each, texts and token ids as long as
ALFWorld's. Each stage runs as it does in a run, in a process of its own; the table has its resident
memory at the peak. It should hardly grow.

    python benchmarks/streaming.py 1000 10000 100000
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages import pairs as pairs_stage
from tratree.stages import paths as paths_stage
from tratree.stages import trees as trees_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

OF_TASK = 6
PLACES = [f"the {kind} {number}" for kind in ("drawer", "shelf", "desk") for number in range(8)]


def made_up(count: int) -> Iterator[Trajectory]:
    """Yield trajectories whose beginnings partly agree, task after task."""
    for number in range(count // OF_TASK):
        draw = random.Random(number)
        task = Task(f"task-{number}", "train", "made up", f"put a mug in {draw.choice(PLACES)}")
        for sample in range(OF_TASK):
            places = [PLACES[(number + step * (1 + sample % 3)) % len(PLACES)] for step in range(9)]
            steps = tuple(
                Step(
                    "I have not looked there yet.",
                    f"go to {place}",
                    f"You arrive at {place}. On it, you see a book {number % 7}, and a pen.",
                    tuple(draw.randrange(32_000) for _ in range(18)),
                )
                for place in places[: 5 + sample % 4]
            )
            solved = draw.random() < 0.5
            yield Trajectory(
                task, "You are in a room.", steps, float(solved), solved, solved, sample
            )


def resident() -> int:
    """Return the resident memory of this process at its peak, in MiB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) // 1024


def pack(job: Job) -> None:
    """Encode the pairs and go through the packs of an epoch, as a training by TreeDPO does."""
    from tratree.composition import compose_config
    from tratree.data.pairs import EncodedPair, PairDataModule
    from tratree.stages.reference import encode_pair
    from tratree.stages.training import load_chat
    from tratree.stages.training_settings import chat_settings

    config = compose_config([])
    chat = load_chat({"chat": chat_settings(config, config.model.strong)})
    pairs = (
        EncodedPair(*encode_pair(chat, pair), tree=pair.chosen.task.task_id)
        for pair in pairs_stage.load_pairs(job)
    )
    data = PairDataModule(pairs, 4096, pack_tokens=4096)
    data.arrange(batch_size=1, accumulate=16, epochs=1, seed=0)
    packs = sum(map(len, data.train_dataloader()))
    print(f"{len(data.samples):,} pairs, {packs:,} packs", file=sys.stderr)


STAGES: Mapping[str, tuple[Callable[[Job], None], dict[str, Any], dict[str, str]]] = {
    "trees": (
        lambda job: trees_stage._merge("", job),
        {"similarity": "ngrams", "xi_sim": 0.9, "action_rule": "exact"},
        {"explored": "explored"},
    ),
    "pairs": (
        pairs_stage._find,
        {"aggregate": "mean", "min_gap": 0.0, "continuation": "end"},
        {"trees": "trees"},
    ),
    "paths": (
        paths_stage._search,
        {"iterations": 100, "exploration": 1.41, "minimum_score": 0.0},
        {"trees": "trees"},
    ),
    "packs": (pack, {}, {"pairs": "pairs", "trees": "trees"}),
}
"""The stages that run, their settings, and the folders that it reads."""


def run(name: str, root: Path) -> dict[str, float]:
    """Run a stage in this process; return its peak memory in MiB and its time."""
    work, settings, inputs = STAGES[name]
    folder = root / name
    folder.mkdir()
    resources = Resources(WorkerSettings(), EngineSettings(), root / "cache")
    begun = time.perf_counter()
    work(Job(settings, {n: root / f for n, f in inputs.items()}, folder, resources, Progress()))
    return {"mib": resident(), "seconds": round(time.perf_counter() - begun, 1)}


def main() -> None:
    """Print a row for each number of trajectories, and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("counts", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--one", nargs=2, metavar=("STAGE", "FOLDER"), help="run in this process")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(run(given.one[0], Path(given.one[1]))))
        return
    print(f"| trajectories | {' | '.join(f'{name}: MiB, s' for name in STAGES)} |")
    print("| --- |" + " --- |" * len(STAGES))
    found: dict[int, dict[str, float]] = {}
    for count in given.counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_trajectories(root / "explored" / "episodes.jsonl", made_up(count))
            measured = {}
            for name in STAGES:
                command = [sys.executable, __file__, "--one", name, folder]
                told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                measured[name] = json.loads(told.stdout.splitlines()[-1])
        cells = (f"{of['mib']:,}, {of['seconds']}" for of in measured.values())
        print(f"| {count:,} | {' | '.join(cells)} |", flush=True)
        found[count] = {name: of["mib"] for name, of in measured.items()}
    print(json.dumps({"benchmark": "streaming", "mib": found}))


if __name__ == "__main__":
    main()
