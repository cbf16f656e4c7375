"""An OpenAI-compatible chat endpoint for tests, with a real model behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings


@dataclass
class Endpoint:
    """The state that a test can see and set.

    Attributes:
        url: Its address.
        requests: The chat requests so far.
        keys: The keys that came with them.
        refusals: Answers to the next requests: a status code, or one and a body.
    """

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    refusals: list[int | tuple[int, str]] = field(default_factory=list)


@contextmanager
def serving(name: str, dtype: str = "float64") -> Iterator[Endpoint]:
    """Serve a model, which answers greedily and one request at a time."""
    model, tokenizer = load_base(ModelSettings(name, dtype)), load_tokenizer(name)
    endpoint, one_at_a_time = Endpoint(), threading.Lock()

    def reply(request: dict[str, Any]) -> str:
        ids = tokenizer.apply_chat_template(
            request["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        limit = request.get("max_tokens", request.get("max_completion_tokens"))
        with one_at_a_time:
            said = model.generate(**ids, max_new_tokens=limit, do_sample=False)
        return tokenizer.decode(said[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"data": [{"id": "tiny"}]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if endpoint.refusals:
                given = endpoint.refusals.pop(0)
                status, body = given if isinstance(given, tuple) else (given, "try\nlater")
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())
                return
            endpoint.requests.append(request)
            endpoint.keys.append(self.headers["Authorization"])
            self.answer({"choices": [{"message": {"content": reply(request)}}]})

        def answer(self, data: Any) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(data).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
