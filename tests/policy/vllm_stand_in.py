"""A local HTTP server in place of vLLM's, which is too large to install for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.sampling import sample

Answer = Callable[[str, str, Any], tuple[int, Any]]
"""Given method, path and JSON of a request, returns the status and JSON or plain text to send.

Bytes are sent as they are, in place of JSON.
"""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve `answer` on a free port; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = answer(self.command, self.path, json.loads(body) if body else None)
            is_text = isinstance(content, str)
            raw = content if isinstance(content, str | bytes) else json.dumps(content)
            data = raw.encode() if isinstance(raw, str) else raw
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class LocalVllm:
    """Answers like a vLLM server of one base model, with models of transformers.

    Args:
        base: The name of the base model.
        context: Its ``max_model_len``.
        adapted: The models that are served already, by name.
        load: Makes a model from an adapter's folder.
    """

    def __init__(
        self,
        base: str,
        context: int,
        adapted: dict[str, PreTrainedModel],
        load: Callable[[Path], PreTrainedModel] | None = None,
    ) -> None:
        self.base = {"id": base, "parent": None, "max_model_len": context}
        self.adapted = adapted
        self.load = load
        self.seeds: list[int] = []

    def __call__(self, method: str, path: str, request: Any) -> tuple[int, Any]:
        if path == "/version":
            return 200, {"version": "0.32.0"}
        if path == "/v1/models":
            parent = self.base["id"]
            return 200, {"data": [self.base, *({"id": n, "parent": parent} for n in self.adapted)]}
        if path == "/v1/load_lora_adapter" and self.load:
            self.adapted[request["lora_name"]] = self.load(Path(request["lora_path"]))
            return 200, "Success"
        assert path == "/v1/completions"
        if "logprobs" not in request:  # is no probe
            self.seeds.append(request["seed"])
        said, logs, end = self._complete(request)
        told = {"logprobs": {"token_logprobs": logs}} if "logprobs" in request else {}
        return 200, {"choices": [{"token_ids": said, "finish_reason": end, **told}]}

    def _complete(self, request: Any) -> tuple[list[int], list[float], str]:
        said: list[int] = []
        logs: list[float] = []
        sampling = SamplingSettings(
            *(request[n] for n in ("temperature", "top_p", "top_k", "min_p"))
        )
        random = np.random.default_rng(request.get("seed"))
        while len(said) < request["max_tokens"]:
            shown = torch.tensor([request["prompt"] + said])
            with torch.inference_mode():
                logits = self.adapted[request["model"]](input_ids=shown).logits[0, -1]
            said.append(int(sample(logits[None], [sampling], [random.random()])))
            logs.append(float(logits.log_softmax(-1)[said[-1]]))
            if said[-1] in request["stop_token_ids"]:
                return said, logs, "stop"
        return said, logs, "length"


class SeveralVllm:
    """Answers for the programs of ``vllm_program.py``, each on a GPU of its own.

    Args:
        load: Makes a model from an adapter's folder.
    """

    def __init__(self, load: Callable[[Path], PreTrainedModel]) -> None:
        self.load = load
        self.started: dict[str, list[str]] = {}
        self.completed: dict[str, int] = {}
        self._servers: dict[str, LocalVllm] = {}

    def __call__(self, method: str, path: str, request: Any) -> tuple[int, Any]:
        gpu, _, path = path[1:].partition("/")
        if path == "start":
            self.started[gpu] = request
            option = dict(pairwise(request))
            name, context = option["--served-model-name"], int(option["--max-model-len"])
            self._servers[gpu] = LocalVllm(name, context, {}, self.load)
            return 200, {}
        if path == "v1/completions" and "logprobs" not in request:
            self.completed[gpu] = self.completed.get(gpu, 0) + 1
        return self._servers[gpu](method, f"/{path}", request)
