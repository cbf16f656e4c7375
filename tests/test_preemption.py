"""The signal to leave: held back and passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import start_program
from tratree import preemption
from tratree.preemption import SIGNAL, ignoring, wait_for_safe_points

ENDS = """
import os, signal
from tratree.preemption import SIGNAL, ignore_at_exit

class Remains:
    def __del__(self, tell=os.kill, pid=os.getpid(), number=SIGNAL):
        tell(pid, number)

remains = Remains()
signal.signal(SIGNAL, lambda *_: None)
{call}
"""

calls: list[int] = []


@pytest.fixture(autouse=True)
def owner() -> Iterator[None]:
    """Replaces Submitit's handler, which ends the process."""

    def leave(number: int, _: object) -> None:
        calls.append(number)
        raise SystemExit

    calls.clear()
    before = signal.signal(SIGNAL, leave)
    yield
    signal.signal(SIGNAL, before)


def ask() -> None:
    os.kill(os.getpid(), SIGNAL)


def test_the_owner_acts_when_the_work_says_so() -> None:
    with wait_for_safe_points() as leaving:
        assert not leaving.asked
        ask()
        assert leaving.asked
        assert calls == []
        with pytest.raises(SystemExit):
            leaving.leave()
        assert not leaving.asked
    assert calls == [SIGNAL]


def test_at_the_end_of_the_block_the_owner_acts_in_any_case() -> None:
    with pytest.raises(SystemExit), wait_for_safe_points():
        ask()
    assert calls == [SIGNAL]


def test_without_a_safe_point_it_leaves_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preemption, "PATIENCE_SECONDS", 0.1)

    def work() -> None:
        ask()
        time.sleep(60)

    with wait_for_safe_points(), pytest.raises(SystemExit):
        work()
    assert calls == [SIGNAL]


def test_a_block_without_the_signal_leaves_no_trace() -> None:
    handler = signal.getsignal(SIGNAL)
    with wait_for_safe_points():
        pass
    assert signal.getsignal(SIGNAL) is handler
    assert calls == []


def test_a_signal_that_nobody_owns_is_left_alone() -> None:
    signal.signal(SIGNAL, signal.SIG_DFL)
    with wait_for_safe_points() as leaving:
        assert signal.getsignal(SIGNAL) is signal.SIG_DFL
        assert not leaving.asked


@pytest.mark.parametrize(
    ("call", "code"), [("ignore_at_exit()", 0), ("None", -SIGNAL)], ids=["ignored", "by default"]
)
def test_the_signal_while_the_process_ends(call: str, code: int, tmp_path: Path) -> None:
    program = start_program(ENDS.format(call=call), tmp_path / "program.py")
    _, errors = program.communicate()
    assert program.returncode == code, errors


def test_the_signal_to_a_program_that_ignores_it() -> None:
    tell = f"import os, sys; os.kill(os.getpid(), {int(SIGNAL)}); print(sys.argv[1:])"
    done = subprocess.run(
        ignoring(sys.executable, "-c", tell, "two words", "$HOME"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "['two words', '$HOME']\n")
