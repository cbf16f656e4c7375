"""vLLM servers: one on each GPU, one killed while they answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.gpu.place import Place, Row, unmeasured
from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings

REQUESTS, KILLED_AFTER = 64, 16


def rows(place: Place) -> Iterator[Row]:
    """Ask two servers, and kill one."""
    check = "requests that two vLLM servers answer, one of which is killed"
    if place.gpus < 2:
        yield unmeasured(check, "needs two GPUs")
        return
    try:
        own = import_module("tratree.policy.own_servers")
        own.check_own_servers()
    except (ImportError, UserError) as error:
        yield unmeasured(check, f"needs vLLM ({error})")
        return
    model = own.ServedModel("base", place.base.name, None, "bfloat16", 1024, 64, 8)
    with own.own_servers(model, place.folder / "logs", 600) as servers:
        pool = import_module("tratree.policy.server_pool").ServerPool(servers)

        def ask(number: int) -> list[int]:
            if number == KILLED_AFTER:
                _kill(servers[0])
            said: list[int] = pool.complete(
                "base",
                [3 + number] * 20,
                SamplingSettings(temperature=1.0),
                max_tokens=64,
                stop_ids=[0],
                seed=number,
            )
            return said

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(ask, range(REQUESTS)))
    answered = sum(1 for answer in answers if answer)
    yield Row(check, f"{answered}", f"{REQUESTS}", answered == REQUESTS)


def _kill(server: Any) -> None:
    """Kill the process that listens where the server does."""
    port = urlsplit(server.url).port
    for process in psutil.Process().children(recursive=True):
        if any(c.laddr.port == port for c in process.net_connections() if c.status == "LISTEN"):
            process.kill()
