"""The dashboard as code: its panels, what is sent to the server, and what is said without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.dashboards import alfworld_dashboard, keys_of
from tratree.cli.dashboard import main
from tratree.errors import UserError
from tratree.report.colours import style_of

TRATREE = (str(Path(sys.executable).with_name("tratree")), "dashboard", "me/mine")
PUBLISH = (
    sys.executable,
    "-c",
    "from tests.tracking.dashboards import alfworld_dashboard\n"
    "from tratree.tracking.wandb_dashboard import publish\n"
    "publish(alfworld_dashboard())\n",
)
ROOT = Path(__file__).resolve().parents[2]


class Server(ThreadingHTTPServer):
    """Answers as W&B's server does, and keeps the views that it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.views: list[dict[str, Any]] = []
        self.refuses = False


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._say({})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/graphql":
            self._say({})
            return
        asked = json.loads(content)
        if "upsertView" not in asked["query"]:
            self._say({"data": {"viewer": {"id": "u", "username": "u", "entity": "u"}}})
        elif self.server.refuses:
            self._say({"data": None, "errors": [{"message": "permission denied"}]})
        else:
            self.server.views.append(asked["variables"])
            view = {"id": "i", "name": "nw-abc-v"}
            self._say({"data": {"upsertView": {"view": view, "inserted": True}}})

    def _say(self, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def call(
    command: tuple[str, ...], folder: Path, address: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, "HOME": str(folder), "WANDB_BASE_URL": address, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_sections_and_panels() -> None:
    workspace = alfworld_dashboard()
    titles = {s.name: [getattr(p, "title", None) for p in s.panels] for s in workspace.sections}
    assert titles["Results"] == [
        "Reward, unseen",
        "Reward, seen",
        "Gap to strong, unseen",
        "Gap to strong, seen",
        None,
    ]
    for name in ("β", "tree width", "ξ_sim"):
        assert titles[f"Reward against {name}"] == [
            f"{method}, unseen: reward against {name}" for method in ("mcts", "tree_dpo")
        ]
    assert titles["Trees"] == ["Report", "Tree viewer", "Trees"]
    assert "prefer: accuracy" in titles["Learning curves"]
    keys = keys_of(workspace)
    assert "results/sft_strong/seen/reward" in keys
    assert "results/sft_strong/seen/pgr" not in keys


def test_a_system_has_the_colour_that_it_has_elsewhere() -> None:
    workspace = alfworld_dashboard()
    [bars, *_] = workspace.sections[0].panels
    assert bars.line_colors["results/sft_strong/unseen/reward"] == style_of("sft_strong").light
    against = workspace.sections[1].panels
    assert [{point.color for point in panel.gradient} for panel in against] == [
        {style_of(method).light} for method in ("mcts", "tree_dpo")
    ]
    groups = workspace.runset_settings
    assert groups.group_colors == {m: style_of(m).light for m in ("mcts", "tree_dpo")}
    assert [key.name for key in groups.groupby] == ["method.name"]


def test_what_it_sends_is_the_workspace(server: Server, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    done = call(TRATREE, tmp_path, address, WANDB_API_KEY="0" * 40)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"dashboard: {address}/me/mine?nw=abc\n"
    [view] = server.views
    assert (view["entityName"], view["projectName"]) == ("me", "mine")
    assert view["displayName"] == "tratree alfworld"
    sections = json.loads(view["spec"])["section"]["panelBankConfig"]["sections"]
    assert sections[0]["name"] == "Results"
    assert style_of("tree_dpo").light in view["spec"]


def test_a_server_that_refuses_it_is_quoted(server: Server, tmp_path: Path) -> None:
    server.refuses = True
    address = f"http://127.0.0.1:{server.server_port}"
    done = call(PUBLISH, tmp_path, address, WANDB_API_KEY="0" * 40)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert "UserError: W&B does not take the dashboard of me/mine" in said
    assert "permission denied" in said


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "tratree dashboard finds no key: run `wandb login`"),
        ({"WANDB_API_KEY": "0" * 40}, "tratree dashboard cannot reach http://127.0.0.1:9"),
    ],
)
def test_without_a_key_or_a_network_it_says_so(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = call(TRATREE, tmp_path, "http://127.0.0.1:9", **environment)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["mine"], ["/mine"], ["me/"], ["a/b/c"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="ENTITY/PROJECT"):
        main(arguments)
