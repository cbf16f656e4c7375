"""Wall time by stage and peak memory of the main job, each run with an empty store.

    python benchmarks/main_job.py --runs 3 env=alfworld method=mcts

Memory is the proportional set size (shared pages are counted once) of the command and all its
processes, sampled twice a second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_EVERY_SECONDS = 0.5


def measure(overrides: list[str]) -> dict[str, float]:
    """Run the job once; return its seconds, by stage and in all, and its peak memory in GiB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "train.py"), *overrides]
        command += [f"store={folder}/store", f"hydra.run.dir={folder}/run"]
        started = time.monotonic()
        job = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        peak = 0
        while job.poll() is None:
            peak = max(peak, _memory(psutil.Process(job.pid)))
            time.sleep(SAMPLE_EVERY_SECONDS)
        if job.returncode:
            sys.exit(f"the main job failed with exit code {job.returncode}")
        total = time.monotonic() - started
        stages: Counter[str] = Counter()
        for path in Path(folder, "store").glob("*/*/timing.json"):
            stages[path.parts[-3]] += json.loads(path.read_text("utf-8"))["seconds"]
    return {**stages, "total": total, "peak_gib": peak / 2**30}


def _memory(process: psutil.Process) -> int:
    used = 0
    with suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                used += one.memory_full_info().pss
    return used


def main() -> None:
    """Run the job several times and print the median of every figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    arguments, overrides = parser.parse_known_args()
    runs = [measure(overrides) for _ in range(arguments.runs)]
    medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
    for name, value in medians.items():
        every = ", ".join(f"{run[name]:.2f}" for run in runs)
        print(f"{name:16} {value:8.2f}   ({every})")
    print(json.dumps({"runs": len(runs), "overrides": overrides, **medians}))


if __name__ == "__main__":
    main()
