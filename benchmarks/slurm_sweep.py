"""A sweep of many jobs against one store, with jobs that are requeued, preempted and killed.

Starts the private SLURM cluster, submits the sweep, and as long as it runs takes the nodes away
from jobs (`scontrol requeue`, a job of a higher partition) and kills their processes (SIGKILL). A
killed job has failed; the same command again resumes it, as a user would. At the end the results
of some points are compared, byte for byte, with those of a store that nothing disturbed.

    python benchmarks/slurm_sweep.py --jobs 64 --check 4 --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.slurm.cluster import Cluster

SEEDS = 4
"""Points differ in seed and β: those of one seed share all but the preference training."""


def points(jobs: int) -> list[str]:
    """Return the overrides of the sweep."""
    betas = [f"{0.05 * (number + 1):.2f}" for number in range(-(-jobs // SEEDS))]
    seeds = ",".join(map(str, range(min(jobs, SEEDS))))
    return ["method=tree_dpo", f"method.beta={','.join(betas)}", f"seed={seeds}"]


def processes(cluster: Cluster, job: str) -> list[int]:
    """Return the processes of a running job; none if it is over."""
    for line in cluster.run("squeue", "-h", "-j", job, "-o", "%A %N").splitlines():
        number, node = line.split()  # of an array's job, as its node knows it
        listed = subprocess.run(
            ["scontrol", "listpids", number, node],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found = [int(line.split()[0]) for line in listed.stdout.splitlines()[1:]]
        if found:
            return found
    return []


def disturb(cluster: Cluster, draw: random.Random) -> str | None:
    """Do one of three things to a running job, drawn at random; return what was done."""
    with suppress(AssertionError):  # the job may be over by now
        running = sorted(job for job, state in cluster.states().items() if state == "RUNNING")
        if not running:
            return None
        job, what = draw.choice(running), draw.choice(("requeued", "preempted", "killed"))
        if what == "requeued":
            cluster.run("scontrol", "requeue", job)
        elif what == "preempted":
            cluster.push_off()
        else:
            pids = processes(cluster, job)
            for pid in pids:
                with suppress(ProcessLookupError):
                    subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=False)
            if not pids:
                return None
        return what
    return None


def compare(disturbed: Path, undisturbed: Path, count: int, draw: random.Random) -> int:
    """Compare the results of `count` points, drawn at random, with undisturbed ones.

    Raises:
        AssertionError: If one differs.
    """
    names = sorted(path.parent.name for path in (undisturbed / "sweep").glob("*/results.json"))
    for name in draw.sample(names, min(count, len(names))):
        ours, theirs = (f / "sweep" / name / "results.json" for f in (disturbed, undisturbed))
        assert ours.read_bytes() == theirs.read_bytes(), f"point {name} differs"
    return min(count, len(names))


def simulate(
    cluster: Cluster, folder: Path, jobs: int, *, every: float, faults: int, seed: int = 0
) -> dict[str, object]:
    """Run a sweep of `jobs` jobs to its end, disturbing it up to `faults` times.

    Args:
        cluster: Where it runs.
        folder: Of the sweep and its store.
        jobs: How many points.
        every: Seconds between two disturbances.
        faults: Most disturbances; none are left for the last submission of the sweep.
        seed: Of what is drawn.
    """
    draw, done, submissions = random.Random(seed), Counter[str](), 0
    begun = time.monotonic()
    options = ("hydra.launcher.partition=scavenge",)
    while True:
        submissions += 1
        sweep = cluster.sweep("slurm", *points(jobs), *options, folder=folder)
        said: list[str] = []
        while sweep.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                said = [sweep.communicate(timeout=every)[0]]
            if sweep.poll() is None and done.total() < faults:
                what = disturb(cluster, draw)
                done += Counter([what] if what else [])
        if sweep.returncode == 0:
            break
        assert any("failed" in text for text in said), said
        assert submissions < 10, said
    results = list((folder / "sweep").glob("*/results.json"))
    stages = [path for path in (folder / "store").glob("*/*") if (path / "stage.json").is_file()]
    leftovers = list((folder / "store").rglob("*.partial"))
    assert len(results) == jobs
    assert not leftovers, leftovers
    return {
        "jobs": jobs,
        "submissions": submissions,
        **done,
        "finished": len(results),
        "stages": len(stages),
        "seconds": round(time.monotonic() - begun),
    }


def main() -> None:
    """Read the arguments, run both sweeps, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=64, help=f"a multiple of {SEEDS}")
    parser.add_argument("--faults", type=int, default=24)
    parser.add_argument("--every", type=float, default=20, help="seconds between two faults")
    parser.add_argument("--check", type=int, default=4, help="points to compare at the end")
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    given = parser.parse_args()
    out = given.out.resolve()
    cluster = Cluster(out / "cluster")
    for folder in (out / "cluster", out / "disturbed", out / "undisturbed"):
        folder.mkdir(parents=True)
    cluster.script("up")
    try:
        found = simulate(
            cluster, out / "disturbed", given.jobs, every=given.every, faults=given.faults
        )
        # The first points only, each of which is the same point of the larger sweep.
        small = cluster.sweep("slurm", *points(min(given.jobs, SEEDS)), folder=out / "undisturbed")
        cluster.finish(small, out / "undisturbed")
    finally:
        cluster.script("down")
    equal = compare(out / "disturbed", out / "undisturbed", given.check, random.Random(1))
    print(json.dumps({"benchmark": "slurm_sweep", **found, "equal": equal}))


if __name__ == "__main__":
    main()
