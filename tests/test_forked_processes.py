"""Processes that are forked from a server that has initialised CUDA cannot use it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tratree.modules import processes
from tratree.policy import worker_process

DRIVER = """
import json, sys
import torch
touched = []
def capability(*_):
    touched.append("get_device_capability")
    return 9, 0
def asked_by_bitsandbytes():
    return "bitsandbytes/cuda_specs" in sys._getframe(2).f_code.co_filename
class Device:
    def __init__(self, index):
        self.idx = index
torch.cuda.device = Device
torch.cuda.is_available = lambda: asked_by_bitsandbytes()
torch.cuda.device_count = lambda: int(asked_by_bitsandbytes())
torch.cuda.get_device_capability = capability
torch.cuda.init = torch.cuda._lazy_init = lambda: touched.append("init")
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps([touched, "peft" in sys.modules]))
"""
"""Imports modules on a machine whose driver is a stand-in that notes who initialises it."""


def imported(*modules: str) -> tuple[list[str], bool]:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *modules], capture_output=True, text=True, check=True
    )
    touched, peft = json.loads(done.stdout.splitlines()[-1])
    return touched, peft


@pytest.mark.parametrize("preloaded", [worker_process.PRELOADED, processes.PRELOADED])
def test_what_a_server_imports_for_its_processes_leaves_cuda_alone(preloaded):
    assert imported(*preloaded) == ([], False)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_peft_would_initialise_cuda_where_bitsandbytes_is_installed():
    touched, peft = imported("peft")
    assert peft
    assert touched
