"""vLLM servers: started on free GPUs, given an adapter, asked, and one killed meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import psutil
import torch

from tests.gpu.place import Check, Place, Row, unmeasured
from tratree.errors import UserError
from tratree.models.loading import load_base
from tratree.models.lora import add_lora, save_adapter
from tratree.models.settings import LoraSettings
from tratree.policy.adapter_probe import AdapterProbe
from tratree.policy.gpus import free_gpus
from tratree.policy.own_servers import ServedModel, check_own_servers, own_servers
from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.server_pool import ServerPool
from tratree.policy.vllm_server import VllmServer

REQUESTS, KILLED_AFTER = 64, 16
SECONDS = 600.0
"""Longest start of a server."""


def checks(place: Place) -> list[Check]:
    """Return the check."""
    return [partial(_served, place)]


def _served(place: Place) -> Iterator[Row]:
    """Start up to two servers, load an adapter on each, ask them, and kill one."""
    loaded = "vLLM servers that say what the adapter says here"
    answered = "requests that two vLLM servers answer, one of which is killed"
    try:
        check_own_servers()
    except UserError as error:
        yield unmeasured(loaded, f"needs a GPU and vLLM ({error})")
        yield unmeasured(answered, "needs two GPUs and vLLM")
        return
    gpus = free_gpus()[:2]
    model = ServedModel("base", place.base.name, None, "bfloat16", 1024, 64, 8)
    with _allowed(gpus), own_servers(model, place.folder / "logs", SECONDS) as servers:
        right = _probe(place, servers)
        yield Row(loaded, f"{right}", f"{len(servers)}", right == len(servers))
        if len(servers) < 2:
            yield unmeasured(answered, "needs two GPUs")
            return
        count = _answers(servers)
        yield Row(answered, f"{count}", f"{REQUESTS}", count == REQUESTS)


@contextmanager
def _allowed(gpus: Sequence[str]) -> Iterator[None]:
    """Let servers be started on these GPUs alone."""
    with mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=",".join(gpus)):
        yield


def _probe(place: Place, servers: Sequence[VllmServer]) -> int:
    """Load an adapter that changes much on each server; return how many play it."""
    adapted = add_lora(load_base(place.base), LoraSettings(rank=8, alpha=16), seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in adapted.parameters():
            if weights.requires_grad:
                weights.add_(0.02 * torch.randn(weights.shape, generator=generator))
    folder = place.folder / "served"
    shutil.rmtree(folder, ignore_errors=True)
    save_adapter(adapted, folder)
    probe = AdapterProbe(adapted.eval(), place.chat())
    for server in servers:
        server.load_adapter("adapter", folder)
        probe.check(server, "adapter")
    return len(servers)


def _answers(servers: Sequence[VllmServer]) -> int:
    """Ask all servers and kill the first of them; return how many requests were answered."""
    pool = ServerPool(servers)

    def ask(number: int) -> list[int]:
        if number == KILLED_AFTER:
            _kill(servers[0])
        return pool.complete(
            "adapter",
            [3 + number] * 20,
            SamplingSettings(temperature=1.0),
            max_tokens=64,
            stop_ids=[0],
            seed=number,
        )

    with ThreadPoolExecutor(8) as threads:
        return sum(1 for said in threads.map(ask, range(REQUESTS)) if said)


def _kill(server: Any) -> None:
    """Kill the process that listens where the server does."""
    port = urlsplit(server.url).port
    for process in psutil.Process().children(recursive=True):
        if any(c.laddr.port == port for c in process.net_connections() if c.status == "LISTEN"):
            process.kill()
