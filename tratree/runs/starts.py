"""Starts of a run: one line for each, in the run folder."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from tratree.documents import read_json_lines

STARTS = "starts.jsonl"
LIBRARIES = ("tratree", "torch", "transformers", "peft", "lightning")
CHECKOUT = Path(__file__).resolve().parents[2]
RESULTS = [f":(exclude)experiments/*.{kind}" for kind in ("json", "jsonl", "md", "svg")]
"""Patterns for git of what experiments write about their results, which no run depends on."""


class Start(TypedDict):
    """One line of ``starts.jsonl``."""

    time: NotRequired[str]
    versions: NotRequired[dict[str, str]]
    commit: str | None
    machine: str


def write_start(run: Path) -> None:
    """Append time, commit, versions and machine; a resumed run has several lines."""
    start = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {**library_versions(), "python": platform.python_version()},
        **this_start(),
    }
    with (run / STARTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(start) + "\n")


def read_starts(run: Path) -> list[dict[str, Any]]:
    """Return what `write_start` wrote, first start first; none if there is no file.

    Raises:
        UserError: If a line is damaged.
    """
    return read_json_lines(run / STARTS, Start, "remove it", unfinished=True)


def starts_below(folder: Path) -> list[dict[str, Any]]:
    """Return what `read_starts` does, of all runs in `folder`."""
    return [start for path in sorted(folder.rglob(STARTS)) for start in read_starts(path.parent)]


def origin(starts: Iterable[Mapping[str, Any]]) -> str:
    """Say with which commits, and on what machines, runs were started."""
    commits, machines = set(), set()
    for start in starts:
        name, _, changes = str(start["commit"]).partition(" ")
        commits.add(" ".join(filter(None, (name[:7], changes))))
        machines.add(start["machine"])
    return f"commit {', '.join(sorted(commits))}; {', '.join(sorted(machines))}"


def this_start() -> dict[str, Any]:
    """Return commit and machine of this program, as `write_start` does."""
    return {"commit": read_commit(CHECKOUT), "machine": this_machine()}


def this_machine() -> str:
    """Return operating system, architecture and number of processors."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def library_versions() -> dict[str, str]:
    """Return the versions of what decides about numbers."""
    return {name: version(name) for name in LIBRARIES}


def read_commit(checkout: Path) -> str | None:
    """Return the commit of a git checkout, marked where its files differ; None without git.

    `RESULTS` may differ, and files that git does not track.
    """
    if not (checkout / ".git").exists():
        return None
    commit, changes = (
        _git(checkout, *arguments)
        for arguments in (
            ("rev-parse", "HEAD"),
            ("status", "--porcelain", "--untracked-files=no", "--", ".", *RESULTS),
        )
    )
    if commit is None or changes is None:
        return None
    return f"{commit} with changes" if changes else commit


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
