"""Requests to a vLLM server: token ids in, sampled token ids out, adapters by name."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tratree.errors import UserError
from tratree.policy.sampling import SamplingSettings

API_KEY = "VLLM_API_KEY"
"""The environment variable with the server's key, if it has one; vLLM reads the same."""

_SECONDS = 600.0
_CONNECTION_RETRIES = 3


class VllmServer:
    """A vLLM server of one base model, through its OpenAI-compatible HTTP interface.

    Needed beyond OpenAI's interface: ``return_token_ids`` (vLLM 0.10.2 or later), so that what
    was sampled and what is trained on are the same tokens, and loading of adapters at run time.
    """

    def __init__(self, url: str) -> None:
        """Connect to ``url``, such as ``http://localhost:8000``, and ask what it serves.

        Raises:
            UserError: If there is no vLLM server.
        """
        key = os.environ.get(API_KEY)
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/v1",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_SECONDS,
            transport=httpx.HTTPTransport(
                retries=_CONNECTION_RETRIES, limits=httpx.Limits(max_connections=None)
            ),
        )
        self._cards = self._models()

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
        """Serve a LoRA adapter under `name`, which must mean the same weights for ever.

        Args:
            name: What `complete` calls it by; one that is served already is kept.
            folder: Where it is, in peft's format; the server must see the same folder.

        Raises:
            UserError: If the server does not take it.
        """
        if not self._has(name):
            request = {"lora_name": name, "lora_path": str(folder)}
            try:
                self._send("POST", "load_lora_adapter", request)
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
    ) -> list[int]:
        """Return what `model` says after `prompt`: up to `max_tokens` ids, one of `stop_ids` last.

        Safe to call from several threads.

        Raises:
            UserError: If the server fails, or does not return token ids.
        """
        answer = self._send(
            "POST",
            "completions",
            {
                "model": model,
                "prompt": list(prompt),
                "max_tokens": max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
                "min_p": sampling.min_p,
                "repetition_penalty": 1.0,  # else a model's own generation_config.json may count
                "seed": seed,
                "stop_token_ids": list(stop_ids),
                "add_special_tokens": False,
                "return_token_ids": True,
            },
        )
        choice = answer["choices"][0]
        token_ids: list[int] | None = choice.get("token_ids")
        if not token_ids:
            raise UserError(f"{self.url} returns no token ids: use vLLM 0.10.2 or later")
        if choice["finish_reason"] not in ("stop", "length"):
            raise UserError(f"{self.url} broke off a completion ({choice['finish_reason']})")
        return token_ids

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _models(self) -> list[dict[str, Any]]:
        cards: list[dict[str, Any]] = self._send("GET", "models")["data"]
        return cards

    def _has(self, name: str) -> bool:
        return any(card["id"] == name for card in self._cards)

    def _send(self, method: str, path: str, request: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._client.request(method, path, json=request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UserError(
                f"no answer from the vLLM server {self.url} ({error}): start it, then run the "
                "same command again"
            ) from error
        if answer.is_error:
            reason = " ".join(answer.text.split())[:300]
            raise UserError(f"the vLLM server {self.url} refuses {path}: {reason}")
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else answer.text
