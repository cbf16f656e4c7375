"""Servers that are started as programs, one on each of three free GPUs of four."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.policy.driver_stand_in import four_gpus, vllm_behind
from tests.policy.vllm_stand_in import SeveralVllm, serving
from tratree.errors import UserError
from tratree.policy.own_servers import COMMAND, ServedModel, check_own_servers, own_servers

MODEL = ServedModel("base", "/models/base", None, "float64", 512, 256, 12)
SECONDS = 60.0


def no_adapters(folder: Path) -> Any:
    raise AssertionError(folder)


def pids(logs: Path) -> list[int]:
    said = "".join(path.read_text("utf-8") for path in logs.glob("*.log"))
    return [int(number) for number in re.findall("^pid ([0-9]+)", said, re.M)]


def wait_until_gone(numbers: list[int]) -> None:
    by = time.monotonic() + SECONDS
    while any(psutil.pid_exists(number) for number in numbers):
        assert time.monotonic() < by, "they still run"
        time.sleep(0.02)


def test_one_on_each_free_gpu_for_this_machine_alone(tmp_path: Path, monkeypatch) -> None:
    four_gpus(tmp_path, monkeypatch)
    behind = SeveralVllm(no_adapters)
    with serving(behind) as url:
        vllm_behind(url, monkeypatch)
        check_own_servers()
        model = replace(MODEL, revision="c0ffee", batch_invariant=True)
        with own_servers(model, tmp_path / "logs", SECONDS) as servers:
            assert [server.name_of("base") for server in servers] == ["base"] * 3
            assert {server.context for server in servers} == {512}
            running = pids(tmp_path / "logs")
            assert len(set(running)) == 3
            for server in servers:  # without the key
                assert httpx.get(f"{server.url}/v1/models").status_code == 401
        wait_until_gone(running)
    assert sorted(behind.started) == ["0", "1", "3"]
    told = " ".join(behind.started["3"])
    assert told.startswith("serve /models/base --enable-lora --host 127.0.0.1 --port ")
    for part in (
        *("--max-lora-rank 16", "--max-loras 1", "--dtype float32", "--max-model-len 512"),
        *("--max-num-seqs 256", "--load-format safetensors", "--generation-config vllm"),
        *("--revision c0ffee", "--tokenizer-revision c0ffee"),
    ):
        assert part in told
    log = (tmp_path / "logs" / "gpu-3.log").read_text("utf-8")
    assert "CUDA_VISIBLE_DEVICES=3" in log
    assert "VLLM_BATCH_INVARIANT=1" in log
    assert "VLLM_API_KEY" not in log


@pytest.mark.parametrize(
    ("fault", "seconds", "said"),
    [
        (
            "1:exits",
            SECONDS,
            r"on GPU 1 ended with status 1; .*gpu-1\.log: .*CUDA error: out of mem",
        ),
        (
            "3:silent",
            1.0,
            r"on GPU 3 does not answer 1 s after its start .*gpu-3\.log: .*--max-loras",
        ),
    ],
)
def test_one_that_never_answers_is_one_line_with_the_end_of_its_log(
    fault: str, seconds: float, said: str, tmp_path: Path, monkeypatch
) -> None:
    four_gpus(tmp_path, monkeypatch)
    with serving(SeveralVllm(no_adapters)) as url:
        vllm_behind(url, monkeypatch, fault)
        with (
            pytest.raises(UserError, match=said) as caught,
            own_servers(MODEL, tmp_path / "logs", seconds),
        ):
            pass
    assert "\n" not in str(caught.value)
    wait_until_gone(pids(tmp_path / "logs"))


HOLDER = """
import sys
from pathlib import Path
from tratree.policy.own_servers import ServedModel, own_servers
with own_servers(ServedModel("base", "m", None, "bfloat16", 64, 8, 8), Path(sys.argv[1]), 60.0):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_they_end_with_whoever_started_them_even_if_he_is_killed(
    tmp_path: Path, monkeypatch
) -> None:
    four_gpus(tmp_path, monkeypatch)
    with serving(SeveralVllm(no_adapters)) as url:
        vllm_behind(url, monkeypatch)
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "logs")]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"ready\n"
            running = pids(tmp_path / "logs")
            assert len(running) == 3
            assert all(psutil.pid_exists(number) for number in running)
            os.kill(holder.pid, signal.SIGKILL)
        wait_until_gone(running)


def test_a_machine_without_vllm_or_a_rank_too_large_is_one_line(
    tmp_path: Path, monkeypatch
) -> None:
    four_gpus(tmp_path, monkeypatch)
    monkeypatch.setenv(COMMAND, str(tmp_path / "vllm"))
    with pytest.raises(UserError, match=r"no program .*vllm: install vLLM .*=transformers"):
        check_own_servers()
    (tmp_path / "vllm").write_text("", encoding="utf-8")
    (tmp_path / "vllm").chmod(stat.S_IRWXU)
    check_own_servers()
    with (
        pytest.raises(UserError, match="up to rank 512, not 513"),
        own_servers(replace(MODEL, lora_rank=513), tmp_path, SECONDS),
    ):
        pass
