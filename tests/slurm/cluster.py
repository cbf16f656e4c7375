"""The private cluster as tests use it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "slurm" / "private_cluster" / "cluster.sh"
MEMORY_GB = 2


@dataclass(frozen=True)
class Cluster:
    """The cluster whose state is in `folder`."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make SLURM's commands talk to this cluster."""
        return {
            **os.environ,
            "CLUSTER_DIR": str(self.folder),
            "CLUSTER_MEMORY": "16000",
            "SLURM_CONF": f"{self.folder}/etc/slurm.conf",
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def script(self, command: str) -> None:
        # Not captured: the programs that it starts would keep the pipe open.
        log = self.folder / f"{command}.txt"
        with log.open("w") as file:
            done = subprocess.run(
                [str(SCRIPT), command], env=self.environment, stdout=file, stderr=file, check=False
            )
        assert done.returncode == 0, log.read_text()

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def train(self, *arguments: str, folder: Path) -> subprocess.Popen[str]:
        """Start ``train.py``; its folder is `folder`, its store a folder in that."""
        command = [sys.executable, str(ROOT / "train.py"), *arguments, "debug=smoke"]
        return subprocess.Popen(
            [*command, f"store={folder}/store"],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sweep(self, launcher: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
        """Start a sweep whose points are in ``folder/sweep``."""
        return self.train(
            "-m",
            f"hydra/launcher={launcher}",
            f"hydra.sweep.dir={folder}/sweep",
            f"hydra.launcher.mem_gb={MEMORY_GB}",
            *arguments,
            folder=folder,
        )

    def push_off(self, command: str = "true") -> None:
        """Take all nodes for a moment, so that jobs of partition scavenge have to leave them.

        Args:
            command: Runs while they are away, and must not fail.
        """
        whole = ("--nodes=2", "--exclusive", "--mem=0")
        said = ("--parsable", "--output=/dev/null", "--wrap", command)
        job = self.run("sbatch", *whole, *said).strip()
        wait_until(lambda: self.states()[job] in ("COMPLETED", "FAILED"))
        assert self.states()[job] == "COMPLETED", f"failed while they were away: {command}"

    def finish(self, sweep: subprocess.Popen[str], folder: Path) -> None:
        """Wait for a sweep of `folder`; should it fail, show what it and its jobs have said."""
        said, _ = sweep.communicate()
        logs = sorted((folder / "sweep" / ".submitit").rglob("*_log.*"))
        assert sweep.returncode == 0, "\n".join([said, *(log.read_text() for log in logs)])

    def ended(self) -> dict[str, str]:
        """Wait until no job is at work, and return the state of every job.

        A point's result is there a moment before its job has ended.
        """
        while any(state in ("RUNNING", "COMPLETING") for state in self.states().values()):
            time.sleep(0.2)
        return self.states()

    def ignores(self, job: str, number: int) -> bool:
        """Return whether a program that SLURM has started for the job ignores the signal by now."""
        for node in self.run("squeue", "-h", "-j", job, "-o", "%N").split():
            # Fails as long as the node does not know the job.
            listed = subprocess.run(
                ["scontrol", "listpids", job, node],
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            for line in listed.stdout.splitlines()[1:]:
                if number in ignored_signals(line.split()[0]):
                    return True
        return False

    def states(self) -> dict[str, str]:
        """State of every job that the cluster remembers, by its number."""
        listed = self.run("squeue", "-h", "-r", "-t", "all", "-o", "%i %T")
        return dict(line.split() for line in listed.splitlines())


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Look until something has happened; fail if `process` ends before."""
    while not happened():
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def ignored_signals(process: str) -> set[int]:
    """Return the signals that a process ignores; none if it is gone."""
    try:
        status = Path("/proc", process, "status").read_text()
    except OSError:
        return set()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return {number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1}
