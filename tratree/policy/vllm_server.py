"""Requests to a vLLM server: token ids in, sampled token ids out, adapters by name."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired

import httpx
from annotated_types import Ge, MinLen
from packaging.version import InvalidVersion, Version
from typing_extensions import TypedDict

from tratree.documents import checked, parse_json
from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.server_address import address_fault

API_KEY = "VLLM_API_KEY"
"""The environment variable with the server's key, if it has one; vLLM reads the same."""

OLDEST = Version("0.26.0")
"""The first vLLM in which loading an adapter never changes what another says: its issue 47724."""

_BROKEN_OFF = ("abort", "error", "content_filter", "repetition", "tool_calls")
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)
_CONNECTION_RETRIES = 3


class ServerDownError(UserError):
    """A server did not answer, or with a fault of its own (status 5xx): another try may help."""


class _About(TypedDict):
    version: str


class _Card(TypedDict):
    id: str
    root: NotRequired[str | None]
    parent: NotRequired[str | None]
    max_model_len: NotRequired[Annotated[int, Ge(1)] | None]


class _Models(TypedDict):
    data: Annotated[list[_Card], MinLen(1)]


class _LogProbs(TypedDict):
    token_logprobs: list[float]


class _Choice(TypedDict):
    token_ids: NotRequired[list[Annotated[int, Ge(0)]] | None]
    finish_reason: str | None
    logprobs: NotRequired[_LogProbs | None]


class _Completion(TypedDict):
    choices: Annotated[list[_Choice], MinLen(1)]


class VllmServer:
    """A vLLM server of one base model, through its OpenAI-compatible HTTP interface.

    Needed beyond OpenAI's interface: ``return_token_ids``, so that what was sampled and what is
    trained on are the same tokens, and loading of adapters at run time.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        """Connect to ``url``, such as ``http://localhost:8000``, and ask what it serves.

        Without a `key`, that of the environment is taken, if there is one.

        Raises:
            UserError: If the address is invalid, or there is no vLLM server, or an older one than
                `OLDEST`.
        """
        if fault := address_fault(url):
            raise UserError(fault)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each request
        key = key or os.environ.get(API_KEY)
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_TIMEOUT,
            transport=httpx.HTTPTransport(
                retries=_CONNECTION_RETRIES, limits=httpx.Limits(max_connections=None)
            ),
        )
        self._cards = self._models()
        self._check_version()

    def name_of(self, base: str) -> str | None:
        """Return what `complete` calls the base model of this name; None if it is not served."""
        served = (
            card["id"]
            for card in self._cards
            if base in (card["id"], card.get("root")) and not card.get("parent")
        )
        return next(served, None)

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its completion."""
        return min(card.get("max_model_len") or sys.maxsize for card in self._cards)

    def load_adapter(self, name: str, folder: Path) -> None:
        """Serve a LoRA adapter under `name`, which must always mean the same weights.

        Args:
            name: Name that `complete` calls it by; one that is served already is kept.
            folder: Folder that holds it, in peft's format; the server must see the same folder.

        Raises:
            UserError: If the server does not take it.
        """
        if not self._has(name):
            request = {"lora_name": name, "lora_path": str(folder)}
            try:
                self._send("POST", "v1/load_lora_adapter", request)
            except UserError as error:
                self._cards = self._models()  # another run may have loaded it meanwhile
                if not self._has(name):
                    raise UserError(
                        f"{error}; it must be started with --enable-lora and "
                        "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and see this folder"
                    ) from error

    def complete(
        self,
        model: str,
        prompt: Sequence[int],
        sampling: SamplingSettings,
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        seed: int,
        vocabulary: int = sys.maxsize,
    ) -> list[int]:
        """Return what `model` says after `prompt`: up to `max_tokens` ids, one of `stop_ids` last.

        Every id is below `vocabulary`.

        Safe to call from several threads.

        Raises:
            ServerDownError: If the server fails.
            UserError: If it refuses, or does not return such token ids.
        """
        request = self._request(model, prompt, sampling, max_tokens, stop_ids)
        return self._said({**request, "seed": seed}, max_tokens, vocabulary)[0]

    def greedy(
        self, model: str, prompt: Sequence[int], *, max_tokens: int, vocabulary: int
    ) -> tuple[list[int], list[float]]:
        """Return what `model` says greedily after `prompt`, and each token's log-probability.

        Raises:
            ServerDownError: If the server fails.
            UserError: If it refuses, or returns anything else.
        """
        request = self._request(model, prompt, SamplingSettings(0.0), max_tokens, ())
        request |= {"ignore_eos": True, "logprobs": 1}
        token_ids, choice = self._said(request, max_tokens, vocabulary)
        found = (choice.get("logprobs") or {}).get("token_logprobs", [])
        if len(found) != len(token_ids):
            raise UserError(f"{self.url} returns no log-probabilities: use vLLM {OLDEST} or later")
        return token_ids, found

    def _request(
        self,
        model: str,
        prompt: Sequence[int],
        sampling: SamplingSettings,
        max_tokens: int,
        stop_ids: Sequence[int],
    ) -> dict[str, Any]:
        return {
            "model": model,
            "prompt": list(prompt),
            "max_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "repetition_penalty": 1.0,  # else a model's own generation_config.json may count
            "stop_token_ids": list(stop_ids),
            "add_special_tokens": False,
            "return_token_ids": True,
        }

    def _said(
        self, request: dict[str, Any], max_tokens: int, vocabulary: int
    ) -> tuple[list[int], dict[str, Any]]:
        """Send a request; return the token ids that were sampled, and all that came with them."""
        answer = self._send("POST", "v1/completions", request)
        choice = self._checked(answer, _Completion, "completions")["choices"][0]
        token_ids = choice.get("token_ids")
        if not token_ids:
            raise UserError(f"{self.url} returns no token ids: use vLLM {OLDEST} or later")
        if choice["finish_reason"] not in ("stop", "length"):
            reason = choice["finish_reason"] if choice["finish_reason"] in _BROKEN_OFF else "other"
            raise UserError(f"{self.url} broke off a completion ({reason})")
        if len(token_ids) > max_tokens or max(token_ids) >= vocabulary:
            raise UserError(
                f"{self.url} returns token ids that the model or the request does not allow: "
                f"it must serve the same tokenizer, and vLLM {OLDEST} or later"
            )
        return token_ids, choice

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check_version(self) -> None:
        told = self._checked(self._send("GET", "version"), _About, "version")["version"]
        try:
            old = Version(told) < OLDEST
        except InvalidVersion:
            old = True
        if old:
            raise UserError(
                f"{self.url} is no vLLM {OLDEST} or later: older ones may answer with another "
                "adapter than was asked for; install a newer one"
            )

    def _models(self) -> list[dict[str, Any]]:
        return self._checked(self._send("GET", "v1/models"), _Models, "models")["data"]

    def _checked(self, answer: Any, shape: Any, path: str) -> Any:
        try:
            return checked(answer, shape)
        except ValueError:  # which may repeat what the server says
            raise UserError(
                f"the answer of {self.url} to {path} is not that of a vLLM server: correct "
                f"rollout.servers, or use vLLM {OLDEST} or later"
            ) from None

    def _has(self, name: str) -> bool:
        return any(card["id"] == name for card in self._cards)

    def _send(self, method: str, path: str, request: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._client.request(method, path, json=request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerDownError(
                f"no answer from the vLLM server {self.url} ({type(error).__name__}): start it, "
                "then run the same command again"
            ) from None
        if not answer.is_success:  # a redirection, too: vLLM sends none
            refused = ServerDownError if answer.is_server_error else UserError
            raise refused(
                f"the vLLM server {self.url} refuses {path.removeprefix('v1/')} with status "
                f"{answer.status_code}: its own log says why"
            )
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return answer.text
        try:
            return parse_json(answer.content)
        except ValueError:
            return None
