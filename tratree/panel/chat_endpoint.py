"""A model behind an OpenAI-compatible chat endpoint: texts in, texts out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import httpx
from annotated_types import MinLen
from typing_extensions import TypedDict

from tratree.documents import checked, parse_json
from tratree.errors import UserError
from tratree.policy.sampling import SamplingSettings
from tratree.policy.server_address import address_fault
from tratree.trajectory.reading.message import read_message
from tratree.trajectory.reading.record_error import RecordError

API_KEY = "OPENAI_API_KEY"
"""The environment variable with the endpoint's key, if it needs one."""

_SECONDS = 300.0
_TRIES = 5
_BUSY = (408, 409, 429, 500, 502, 503, 504)

_NAME = re.compile(r"[\w./:@+-]{1,100}")
"""A name of a model that a message may repeat."""

_OTHER_LIMIT = "max_completion_tokens"
"""The name that some endpoints want instead of ``max_tokens``."""

_CONTEXT_FULL = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|too many tokens|prompt is too long",
    re.IGNORECASE,
)

Message = dict[str, str]


class _Card(TypedDict):
    id: str


class _Models(TypedDict):
    data: list[_Card]


class _Choice(TypedDict):
    message: dict[str, Any]


class _Answer(TypedDict):
    choices: Annotated[list[_Choice], MinLen(1)]


class ContextFullError(UserError):
    """A conversation that has no room for another turn in the endpoint's model."""


class ChatEndpoint:
    """A model behind ``URL/chat/completions``.

    Args:
        url: Such as ``http://localhost:8000/v1``.
        model: The name that the endpoint knows it by; None takes the only one it serves.
        pause: Seconds before a busy endpoint is asked again, doubled each time.

    Raises:
        UserError: If the address is malformed or holds a password, it does not answer, or it
            serves several models and `model` is None. No message repeats what it answers.
    """

    def __init__(self, url: str, model: str | None = None, pause: float = 1.0) -> None:
        if fault := address_fault(url, "the address of the endpoint", API_KEY):
            raise UserError(fault)
        key = os.environ.get(API_KEY)
        self.url = url.rstrip("/")
        self._pause = pause
        self._limit = "max_tokens"
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=_SECONDS
        )
        self.model = model or self._only_model()

    def say(
        self, messages: Sequence[Message], sampling: SamplingSettings, max_tokens: int, seed: int
    ) -> str:
        """Return the model's next message. Safe to call from several threads.

        Raises:
            ContextFullError: If the conversation is too long for the model.
            UserError: If the endpoint refuses, or stays busy.
        """
        request: dict[str, Any] = {
            "model": self.model,
            self._limit: max_tokens,
            "messages": list(messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
        answer: _Answer = self._send("POST", "chat/completions", _Answer, request)
        try:
            return _text_of(answer["choices"][0]["message"])
        except RecordError:  # which may repeat what the endpoint says
            raise UserError(f"{self.url} answers without a message: is it a chat model?") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _only_model(self) -> str:
        served: _Models = self._send("GET", "models", _Models)
        names = [card["id"] for card in served["data"]]
        if len(names) != 1:
            listed = ", ".join(name for name in names[:10] if _NAME.fullmatch(name)) or "no model"
            raise UserError(f"{self.url} serves {listed}: choose one with --served-model NAME")
        return names[0]

    def _send(
        self, method: str, path: str, shape: Any, request: dict[str, Any] | None = None
    ) -> Any:
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            try:
                answer = self._client.request(method, f"{self.url}/{path}", json=request)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                reason = type(error).__name__
                break
            except httpx.HTTPError as error:
                reason = type(error).__name__
                continue
            if answer.is_success:
                try:
                    data = checked(parse_json(answer.content.decode("utf-8")), shape)
                except ValueError:  # which may repeat what the endpoint says
                    raise UserError(
                        f"the answer of {self.url}/{path} is not that of a chat model: is it the "
                        "address of an OpenAI-compatible interface, which often ends in /v1?"
                    ) from None
                return data
            reason = f"status {answer.status_code}"
            if request is not None and answer.status_code == 404:
                reason += f": it has no model {self.model!r}, or no chat interface"
            if request is not None and answer.status_code == 400:
                if _CONTEXT_FULL.search(answer.text):
                    raise ContextFullError(
                        f"the conversation is too long for the model of {self.url}"
                    )
                if "max_tokens" in request and _OTHER_LIMIT in answer.text:
                    request[_OTHER_LIMIT] = request.pop("max_tokens")
                    self._limit = _OTHER_LIMIT
                    continue
            if answer.status_code not in _BUSY:
                break
        raise UserError(
            f"the endpoint {self.url}/{path} does not answer ({reason}; its own log says why): "
            "correct that, then run the same command again, which resumes; a key is read from "
            f"{API_KEY}"
        ) from None


def _text_of(message: Mapping[str, Any]) -> str:
    """Return what a message says; thoughts and tool calls of fields of their own as text."""
    (read,) = read_message({**message, "role": "assistant", "content": message.get("content")})
    return "\n".join(
        part for part in (read.text, f"Action: {read.action}" if read.action else "") if part
    )
