"""Processes for several devices end with the program, also while they start."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.programs import end_program, left_behind, start_program

PROGRAM = """
import time
from tratree.modules.processes import run_in_processes

def work():
    print("working", flush=True)
    time.sleep(1000)

if __name__ == "__main__":
    try:
        print("starting", flush=True)
        run_in_processes(work, 2)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seen", "how"),
    [(["starting"], signal.SIGINT), (["starting", "working", "working"], signal.SIGKILL)],
    ids=["interrupted at the start", "killed at work"],
)
def test_no_process_outlives_the_program(
    tmp_path: Path, seen: list[str], how: signal.Signals
) -> None:
    program = start_program(PROGRAM, tmp_path / "program.py")
    assert program.stdout is not None
    assert [program.stdout.readline().strip() for _ in seen] == seen
    end_program(program, how)
    assert left_behind(program) == []
    said, errors = program.communicate()
    assert "interrupted" in said or how == signal.SIGKILL
    assert "Traceback" not in errors
