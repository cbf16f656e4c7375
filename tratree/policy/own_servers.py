"""vLLM servers of our own: one on each free GPU, for as long as they are needed."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tratree.errors import UserError
from tratree.policy import server_watch
from tratree.policy.gpus import ORDER, free_gpus
from tratree.policy.vllm_server import API_KEY, VllmServer

COMMAND = "TRATREE_VLLM"
"""The environment variable with the command in front of ``serve``, by default ``vllm``.

It is no setting, because files of settings, which may be others', start no programs.
"""

_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_SECONDS_BETWEEN_LOOKS = 0.2
_SHOWN = 300


@dataclass(frozen=True)
class ServedModel:
    """A base model to be served.

    Attributes:
        name: Its name in requests.
        path: Its Hub id or folder.
        revision: The commit of a Hub id.
        dtype: Number type of its weights, as PyTorch names it. vLLM has no float64: float32.
        context: Most tokens of an episode.
        episodes: Most episodes at a time.
        lora_rank: Largest rank of its adapters.
        batch_invariant: Whether an answer must not depend on what else is computed with it.
    """

    name: str
    path: str
    revision: str | None
    dtype: str
    context: int
    episodes: int
    lora_rank: int
    batch_invariant: bool = False


def check_own_servers() -> None:
    """Check before anything is computed that servers can be started here.

    Raises:
        UserError: If vLLM is not installed, or there is no free GPU.
    """
    program = _command()[0]
    if shutil.which(program) is None:
        raise UserError(
            f"rollout.servers=auto finds no program {program}: install vLLM (`pip install vllm`, "
            f"best in an environment of its own, and set {COMMAND}=/path/to/bin/vllm), or set "
            "rollout.engine=transformers"
        )
    free_gpus()


@contextmanager
def own_servers(model: ServedModel, logs: Path, seconds: float) -> Iterator[list[VllmServer]]:
    """Start a server on each free GPU, and stop all of them at the end of the block.

    They are reached from this machine alone, with a key that nobody else has, and end with this
    process, however it ends.

    Args:
        model: Model to serve.
        logs: Folder for what the servers say, a file a GPU; the latest start is last in it.
        seconds: Longest time from their start to the first answer.

    Raises:
        UserError: If one cannot be started.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each look
    gpus, key = free_gpus(), secrets.token_urlsafe()
    logs.mkdir(parents=True, exist_ok=True)
    started: list[_Started] = []
    with ExitStack() as connections:
        try:
            for gpu, port in zip(gpus, _free_ports(len(gpus)), strict=True):
                log = logs / f"gpu-{re.sub('[^A-Za-z0-9-]', '_', gpu)}.log"
                started.append(_start(model, gpu, port, key, log))
            by, waiting = time.monotonic() + seconds, started
            while waiting := [server for server in waiting if not server.answers(by, seconds)]:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            yield [connections.enter_context(closing(VllmServer(s.url, key))) for s in started]
        finally:
            _stop([server.process for server in started])


@dataclass(frozen=True)
class _Started:
    """A server that was started, and may not answer yet."""

    gpu: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    logged: int

    def answers(self, by: float, seconds: float) -> bool:
        """Return whether it answers yet.

        Raises:
            UserError: If it has ended, or it is after `by`, which is `seconds` after its start.
        """
        if (status := self.process.poll()) is not None:
            raise self._fault(f"ended with status {status}")
        with suppress(httpx.HTTPError):
            if httpx.get(f"{self.url}/health", timeout=5.0, trust_env=False).is_success:
                return True
        if time.monotonic() > by:
            raise self._fault(
                f"does not answer {seconds:g} s after its start (rollout.server_start_seconds)"
            )
        return False

    def _fault(self, what: str) -> UserError:
        said = self.log.read_bytes()[self.logged :].decode("utf-8", "replace")
        last = " ".join("".join(c if c.isprintable() else " " for c in said).split())[-_SHOWN:]
        return UserError(
            f"the vLLM server on GPU {self.gpu} {what}; the end of its log {self.log}: {last}"
        )


def _start(model: ServedModel, gpu: str, port: int, key: str, log: Path) -> _Started:
    """Start a server that ends with this process, apart from its terminal."""
    command = [*_command(), "serve", *_arguments(model, port)]
    added = {
        **ORDER,
        "CUDA_VISIBLE_DEVICES": gpu,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        **({"VLLM_BATCH_INVARIANT": "1"} if model.batch_invariant else {}),
    }
    with log.open("ab") as file:
        shown = [*(f"{name}={value}" for name, value in added.items()), shlex.join(command)]
        file.write(f"$ {' '.join(shown)}\n".encode())
        file.flush()
        logged = file.tell()
        process = subprocess.Popen(
            [sys.executable, "-I", server_watch.__file__, *command],
            env={**os.environ, **added, API_KEY: key},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _Started(gpu, f"http://127.0.0.1:{port}", process, log, logged)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        assert process.stdin
        process.stdin.close()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(server_watch.SECONDS_TO_CLOSE + 5)
        process.kill()
        process.wait()


def _arguments(model: ServedModel, port: int) -> list[str]:
    rank = next((rank for rank in _LORA_RANKS if rank >= model.lora_rank), None)
    if rank is None:
        raise UserError(
            f"vLLM takes adapters up to rank {_LORA_RANKS[-1]}, not {model.lora_rank}: lower "
            "model.lora.rank, or set rollout.engine=transformers"
        )
    options: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "served-model-name": model.name,
        "dtype": "float32" if model.dtype == "float64" else model.dtype,
        "max-model-len": model.context,
        "max-num-seqs": model.episodes,
        "max-lora-rank": rank,
        "max-loras": 1,
        "load-format": "safetensors",  # else a folder without them is unpickled
        "generation-config": "vllm",  # sampling is as asked for
        **(
            {"revision": model.revision, "tokenizer-revision": model.revision}
            if model.revision
            else {}
        ),
    }
    told = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return [model.path, "--enable-lora", *told]


def _command() -> list[str]:
    return shlex.split(os.environ.get(COMMAND, "")) or ["vllm"]


def _free_ports(count: int) -> list[int]:
    """Return ports that are free on this machine; all are held until the last is found."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
