"""Requests to vLLM and its answers, against a recorded exchange.

``record_vllm_exchange.py`` recorded ``vllm_exchange.json`` with vLLM 0.32.0 on a CPU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.policy.vllm_stand_in import serving
from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.vllm_server import API_KEY, VllmServer

EXCHANGE = json.loads((Path(__file__).parent / "vllm_exchange.json").read_text("utf-8"))
BASE, SFT, IMITATE = "smollm2-135m", "sft-93dc5be826703cb2", "imitate-9af5d390cb20041b"
SAMPLING = SamplingSettings(0.7, top_p=0.9, top_k=20, min_p=0.05)
PROMPT = next(e["request"]["prompt"] for e in EXCHANGE if e["path"] == "/v1/completions")


def replay(method: str, path: str, request: Any) -> tuple[int, Any]:
    """Answer what was recorded for exactly this request, and with the version of that server."""
    if path == "/version":
        return 200, {"version": "0.32.0"}
    for entry in EXCHANGE:
        if (entry["method"], entry["path"], entry["request"]) == (method, path, request):
            return entry["status"], entry["response"]
    return 400, {"error": {"message": f"not in the exchange: {path} {request}"}}


@pytest.fixture
def server() -> Iterator[VllmServer]:
    with serving(replay) as url, closing(VllmServer(url)) as opened:
        yield opened


def complete(server: VllmServer, **changed: Any) -> list[int]:
    asked = {"max_tokens": 31, "stop_ids": [0, 2], "seed": 1234, "vocabulary": 49152, **changed}
    return server.complete(IMITATE, PROMPT, SAMPLING, **asked)


def test_token_ids_come_back_as_sampled_with_the_stop_token(server: VllmServer) -> None:
    assert complete(server) == [
        1082,
        3779,
        42,
        1042,
        12505,
        198,
        16521,
        42,
        685,
        288,
        12505,
        656,
        708,
        7959,
        1613,
        2,
    ]


def test_it_knows_its_base_model_and_context(server: VllmServer) -> None:
    assert server.name_of(BASE) == BASE
    assert server.name_of(SFT) is None  # an adapter
    assert server.context == 1024


def test_adapters_are_loaded_once_by_name(server: VllmServer) -> None:
    server.load_adapter(IMITATE, Path("store/imitate/9af5d390cb20041b/adapter"))
    server.load_adapter(SFT, Path("/anywhere"))  # is served, so nothing is sent


def test_an_adapter_that_is_refused_is_a_user_error(server: VllmServer) -> None:
    with pytest.raises(
        UserError, match=r"refuses load_lora_adapter with status 4\d\d.*--enable-lora"
    ):
        server.load_adapter("imitate-0000000000000000", Path("/nowhere"))


def test_a_request_that_is_refused_is_a_user_error(server: VllmServer) -> None:
    with pytest.raises(UserError, match="refuses completions with status 400"):
        complete(server, seed=0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"token_ids": None}, "returns no token ids: use vLLM"),
        ({"finish_reason": "abort"}, r"broke off a completion \(abort\)"),
        ({"finish_reason": "secret"}, r"broke off a completion \(other\)"),
        ({"token_ids": [1] * 32}, "does not allow"),
        ({"token_ids": [1, 50_000]}, "does not allow"),
        *(
            ({"token_ids": ids}, "not that of a vLLM server")
            for ids in (["1"], [1.0], [True], [-1], [None], {"0": 1}, "12")
        ),
        ({"finish_reason": 7}, "not that of a vLLM server"),
    ],
)
def test_other_answers_are_user_errors(changed: dict[str, Any], said: str) -> None:
    def answer(method: str, path: str, request: Any) -> tuple[int, Any]:
        status, response = replay(method, path, request)
        if path.endswith("/completions"):
            response = {**response, "choices": [{**response["choices"][0], **changed}]}
        return status, response

    with (
        serving(answer) as url,
        closing(VllmServer(url)) as server,
        pytest.raises(UserError, match=said),
    ):
        complete(server)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, "<html>secret</html>"),
        (200, b"{secret"),
        (200, b"[" * 100_000),
        (200, {}),
        (200, []),
        (200, {"data": None}),
        (200, {"data": []}),
        (200, {"data": [{"root": "secret"}]}),
        (200, {"data": [{"id": "secret", "max_model_len": "secret"}]}),
        (200, {"choices": []}),
        (302, {"secret": 1}),
        (500, "secret"),
    ],
)
@pytest.mark.parametrize("of", ["/v1/models", "/v1/completions"])
def test_an_answer_of_another_program_is_one_line_and_not_repeated(
    of: str, status: int, content: Any
) -> None:
    def answer(method: str, path: str, request: Any) -> tuple[int, Any]:
        return (status, content) if path == of else replay(method, path, request)

    with serving(answer) as url, pytest.raises(UserError) as caught:
        complete(VllmServer(url))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@localhost:8000",
        "http://secret@localhost",
        "user:secret@localhost:8000",
        "http://localhost:8000/?api_key=secret",
        "http://localhost/#secret",
        "http://[::1/secret",
        "http://localhost:secret",
        "ftp://localhost/secret",
        "secret",
        "http:///secret",
        "http://local host/secret",
        "http://localhost/secret\n",
        "",
    ],
)
def test_an_address_is_of_a_server_alone_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError, match="http://localhost:8000") as caught:
        VllmServer(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((200, {"version": "0.25.1"}), "is no vLLM 0.26.0 or later"),
        ((200, {"version": "secret"}), "is no vLLM 0.26.0 or later"),
        ((200, {"version": 1}), "not that of a vLLM server"),
        ((404, {"secret": 1}), "refuses version with status 404"),
        ((200, {"version": "0.27.1rc2.dev3+cpu"}), None),
    ],
)
def test_older_servers_which_may_mix_up_adapters_are_refused(
    told: tuple[int, Any], said: str | None
) -> None:
    def answer(method: str, path: str, request: Any) -> tuple[int, Any]:
        return told if path == "/version" else replay(method, path, request)

    with serving(answer) as url:
        if said is None:
            VllmServer(url).close()
        else:
            with pytest.raises(UserError, match=said) as caught:
                VllmServer(url)
            assert "secret" not in str(caught.value)


def test_no_server_is_a_user_error() -> None:
    with serving(replay) as url:
        pass
    with pytest.raises(UserError, match="no answer from the vLLM server"):
        VllmServer(url)


def test_the_key_goes_into_the_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY, "secret")
    refusing = serving(lambda *_: (401, {"error": "Unauthorized"}))
    with refusing as url, pytest.raises(UserError) as caught:
        VllmServer(url)
    assert "secret" not in str(caught.value)
    with serving(replay) as url, closing(VllmServer(url)) as server:
        assert server._client.headers["Authorization"] == "Bearer secret"
