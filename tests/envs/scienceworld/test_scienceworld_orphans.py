"""However Python ends, the virtual machine ends too."""

import os
import signal
import subprocess
import sys
import time

import pytest

START = """
import os, sys
from tratree.envs.scienceworld.simulator import Simulator
simulator = Simulator("easy")
simulator.load("find-plant", 0)
print(simulator.process, flush=True)
"""
ENDINGS = {
    "close": "simulator.close(); sys.stdin.read()",
    "collected": "del simulator; sys.stdin.read()",
    "exit": "",
    "exception": "raise RuntimeError",
    "hard exit": "os._exit(1)",
    "killed": "sys.stdin.read()",
    "interrupted": "sys.stdin.read()",
}
SIGNALS = {"killed": signal.SIGKILL, "interrupted": signal.SIGINT}


def ends(pid: int, seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_no_virtual_machine_outlives_its_use():
    processes = {
        ending: subprocess.Popen(
            [sys.executable, "-c", START + code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for ending, code in ENDINGS.items()
    }
    try:
        virtual_machines = {}
        for ending, process in processes.items():
            virtual_machines[ending] = int(process.stdout.readline())
            if ending in SIGNALS:
                assert os.path.exists(f"/proc/{virtual_machines[ending]}")
                process.send_signal(SIGNALS[ending])
        for ending, pid in virtual_machines.items():
            assert ends(pid), f"after {ending} the virtual machine still runs"
        for ending in ("close", "collected"):
            assert processes[ending].poll() is None, "Python itself is to be still there"
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
