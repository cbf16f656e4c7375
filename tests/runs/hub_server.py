"""A stand-in of the Hugging Face Hub on this machine: repositories in memory, one known token."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "hf_thisIsOnlyForTests0123456789abcdef"
LARGE = (".safetensors", ".parquet", ".npz")
"""The files that are uploaded by LFS, apart from the commit."""


class Hub(ThreadingHTTPServer):
    """The server.

    Attributes:
        files: Content of every file, by kind and name of the repository and by path.
        private: Which repositories are private.
        asked: Method and path of every request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def environment(self, home: Path, token: str = TOKEN) -> dict[str, str]:
        """Return the environment in which a program talks to this Hub."""
        return {
            **{"HF_ENDPOINT": self.address, "HF_TOKEN": token, "HF_HOME": str(home)},
            **{"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
        }


@contextmanager
def open_hub() -> Iterator[Hub]:
    """Serve until the end of the block."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._content())

    def do_PUT(self) -> None:
        content = self._content()
        self.server.asked.append(f"PUT {self.path}")
        oid = self.path.rsplit("/", 1)[-1]
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.objects[oid] = content
        self._say({})

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, content: bytes) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say({"error": "Invalid credentials in Authorization header"}, 401)
        elif path == "/api/whoami-v2":
            self._say({"type": "user", "name": "me", "orgs": []})
        elif path == "/api/repos/create":
            self._create(json.loads(content))
        elif path == "/api/validate-yaml":
            assert json.loads(content)["content"].startswith("---\n")
            self._say({"errors": [], "warnings": []})
        elif path.endswith("/info/lfs/objects/batch"):
            self._large_files(json.loads(content))
        elif "/preupload/" in path:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(content)["files"]
            ]
            self._say({"files": modes})
        elif "/commit/" in path:
            self._commit(path.removeprefix("/api/").split("/commit/")[0], content)
        else:
            self._say({"error": f"{path} is not known"}, 404)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        repo = f"{asked.get('type', 'model')}s/{name}"
        if asked["organization"] != "me":
            self._say({"error": "You don't have the rights to create a model"}, 403)
            return
        known = repo in self.server.files
        self.server.files.setdefault(repo, {})
        self.server.private.setdefault(repo, asked["visibility"] == "private")
        place = name if repo.startswith("models/") else repo
        self._say({"url": f"{self.server.address}/{place}", "name": name}, 409 if known else 200)

    def _large_files(self, asked: dict[str, Any]) -> None:
        answers = [
            {
                **one,
                "actions": {"upload": {"href": f"{self.server.address}/objects/{one['oid']}"}},
            }
            for one in asked["objects"]
        ]
        self._say({"transfer": "basic", "objects": answers})

    def _commit(self, repo: str, content: bytes) -> None:
        for line in map(json.loads, content.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.files[repo][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.files[repo][value["path"]] = self.server.objects[value["oid"]]
        address = f"{self.server.address}/{repo}/commit/{'0' * 40}"
        self._say({"success": True, "commitOid": "0" * 40, "commitUrl": address, "hookOutput": ""})

    def _say(self, document: dict[str, Any], status: int = 200) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
