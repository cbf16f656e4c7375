"""A program in place of ``vllm``, which is started as it is; a server of the tests answers for it.

    python vllm_program.py serve MODEL --port PORT …

Environment variables: ``STAND_IN_BEHIND`` is the address of what answers (`SeveralVllm`), and
``STAND_IN_FAULT`` is GPU:FAULT, where FAULT is ``exits``, ``silent``, or a number: killed with that
completion.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

KEY = os.environ["VLLM_API_KEY"]
GPU = os.environ["CUDA_VISIBLE_DEVICES"]
BEHIND = f"{os.environ['STAND_IN_BEHIND']}/{GPU}"
of, _, FAULT = os.environ.get("STAND_IN_FAULT", ":").partition(":")
FAULT = FAULT if of == GPU else ""
JSON = {"Content-Type": "application/json"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    completions = 0

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/health":
            self.answer(200, b"")
        elif self.path.startswith("/v1") and self.headers["Authorization"] != f"Bearer {KEY}":
            self.answer(401, b"{}")
        else:
            if self.path.endswith("/completions"):
                Handler.completions += 1
                if str(Handler.completions) == FAULT:
                    os.kill(os.getpid(), signal.SIGKILL)
            self.answer(*ask(self.command, self.path, body))

    do_GET = do_POST = handle_any  # noqa: N815

    def answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", JSON["Content-Type"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def ask(method: str, path: str, body: bytes) -> tuple[int, bytes]:
    try:
        with urlopen(Request(BEHIND + path, body or None, JSON, method=method)) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def main() -> None:
    print(f"pid {os.getpid()}: {sys.argv[1:]}", flush=True)
    if FAULT == "exits":
        sys.exit("CUDA error:\n  out of memory")
    if FAULT == "silent":
        time.sleep(3600)
    option = dict(zip(sys.argv, sys.argv[1:], strict=False))
    ask("POST", "/start", json.dumps(sys.argv[1:]).encode())
    address = (option["--host"], int(option["--port"]))
    ThreadingHTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
