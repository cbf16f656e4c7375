"""Processes that this one starts are shielded from what is for this one to act on."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tratree.child_processes import shielded_children
from tratree.preemption import SIGNAL


@pytest.mark.parametrize("number", [SIGNAL, signal.SIGINT])
def test_children_do_not_get_the_signal_nor_ctrl_c(number: signal.Signals) -> None:
    script = "print('ready', flush=True); input()"
    with shielded_children():
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(number)
    child.communicate("go on\n")
    assert child.returncode == 0
    assert number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
