"""Processes for several devices end with the program, also while they start."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.programs import end_program, left_behind, start_program
from tratree.errors import UserError
from tratree.modules.processes import run_in_processes

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


def end_one(how: int) -> None:
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), how) if how else os._exit(3)
    time.sleep(1000)


@pytest.mark.parametrize(("how", "said"), [(signal.SIGKILL, "SIGKILL"), (0, "exit code 3")])
def test_a_killed_process_is_one_line(how: int, said: str) -> None:
    with pytest.raises(UserError, match=rf"process 1 of 2 .* \({said}\)") as caught:
        run_in_processes(partial(end_one, how), 2)
    assert "\n" not in str(caught.value)
