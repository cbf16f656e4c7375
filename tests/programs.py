"""Programs that tests start and end, and whatever they in turn have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


def start_program(text: str, script: Path) -> subprocess.Popen[str]:
    """Write a program that may import this package and its tests, and start it as a terminal does.

    All that it starts belongs to its session.
    """
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{text}")
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end_program(program: subprocess.Popen[str], how: signal.Signals) -> None:
    """Kill the program alone, or interrupt its whole group, as Ctrl-C in a terminal does."""
    if how == signal.SIGINT:
        os.killpg(program.pid, how)
    else:
        program.send_signal(how)


def left_behind(program: subprocess.Popen[str], seconds: float = 120.0) -> list[str]:
    """Return the commands of the processes that outlive a program by so long."""
    program.wait(seconds)
    deadline = time.monotonic() + seconds
    while (left := _session(program.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _session(leader: int) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found
