"""Work on GPUs is done by processes of its own, each on its GPU; the run keeps no memory there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tratree.errors import UserError
from tratree.policy.machine_settings import GIB, EngineSettings, episode_bytes
from tratree.store.stage import Job

PROGRAM = """
import json, sys
from pathlib import Path
import tests.policy.cuda_stand_in as driver
from tests.policy.test_gpu_workers import load, train
from tratree.policy import worker_process
from tratree.policy.places import find_places
from tratree.policy.workers import compute
from tratree.stages.training_settings import on_devices
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.policy.machine_settings import EngineSettings, WorkerSettings

if __name__ == "__main__":
    worker_process.PRELOADED.insert(0, "tests.policy.cuda_stand_in")
    found = dict(compute(load, list(range(6)), find_places("auto", "gpu")))
    folder = Path(sys.argv[1])
    hardware = {"accelerator": "gpu", "devices": 1, "strategy": "auto"}
    resources = Resources(WorkerSettings(), EngineSettings(), folder)
    on_devices(train)(Job({"hardware": hardware}, {}, folder, resources, Progress()))
    print(json.dumps([found, (folder / "trained.txt").read_text(), driver.chosen]))
"""


def load() -> Callable[[int], str]:
    from tratree.stages.training import own_device

    time.sleep(2)  # so that each of them has a part before the first has done all
    device = str(own_device({"hardware": {"accelerator": "gpu"}}))
    return lambda part: device


def train(job: Job) -> None:
    said = f"cuda:{torch.cuda.current_device()}", os.environ["CUBLAS_WORKSPACE_CONFIG"]
    (job.folder / "trained.txt").write_text(" ".join(said))


def test_each_worker_and_each_training_has_its_gpu_and_the_run_none(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    devices, trained, chosen_here = json.loads(done.stdout.splitlines()[-1])
    assert set(devices) == {str(part) for part in range(6)}
    assert set(devices.values()) == {"cuda:0", "cuda:1", "cuda:2"}
    assert trained == "cuda:0 :4096:8"
    assert chosen_here == []


def test_without_a_budget_a_gpu_holds_what_its_free_memory_does(monkeypatch) -> None:
    shape = LlamaConfig(
        vocab_size=8, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, head_dim=32
    )
    with torch.device("meta"):
        each = episode_bytes(LlamaForCausalLM(shape), 512)
    model: Any = SimpleNamespace(config=shape, dtype=torch.float32, device=torch.device("cuda", 1))
    free = {"bytes": 100 * each}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free["bytes"], 0))
    assert EngineSettings(256).episodes(model, 512) == 80
    assert EngineSettings(256).episodes(model, 512, sharing=2) == 40
    assert EngineSettings(64).episodes(model, 512) == 64
    assert EngineSettings(256, cache_gib=10 * each / GIB).episodes(model, 512) == 10
    free["bytes"] = each
    with pytest.raises(UserError, match=r"^the GPU has .* GiB for keys and values, but one"):
        EngineSettings(256).episodes(model, 512)
