"""Records of OpenAI's interfaces: typed items of the Responses one, requests with their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.logs import is_rendered, split_log
from tratree.trajectory.reading.parts import (
    answered,
    called,
    is_typed,
    kind_of,
    speaker_of,
    thought_in,
)
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.values import decoded
from tratree.trajectory.types import short

_RESULTS = ("result", "output", "response", "observation")
_ASKED = ("request", "request_body", "params", "kwargs", "body", "inputs")
_ANSWERED = ("response", "response_body", "result", "completion", "outputs")
"""How the fields with a request and its answer end."""


def from_openai(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record of a request, its answer or both as one with messages; others as they are.

    ``input`` and ``output`` are texts or lists of items, and ``instructions`` are the system's.

    Raises:
        RecordError: If one is something else.
    """
    for name in ("input", "output"):
        if isinstance(items := record.get(f"{name}_messages"), list):
            record = {**record, name: items}
    record = _exchange(record)
    given, made = (
        decoded(value) if isinstance(value, str) else value
        for value in (record.get("input"), record.get("output"))
    )
    asked = isinstance(record.get("instruction"), str) or "intermediate_steps" in record
    if asked or not (
        _has_items(given) or _has_items(made) or (isinstance(given, str) and isinstance(made, str))
    ):
        return record
    if isinstance(given, str) and isinstance(made, str) and is_rendered(given):
        given, made = f"{given}{made}", None  # the answer goes on where the prompt ends
    items = [*_items(given, "input", "user"), *_items(made, "output", "assistant")]
    system = record.get("instructions") or record.get("system")
    rest = {k: v for k, v in record.items() if k not in ("input", "output", "instructions")}
    return {**rest, "system": system, "messages": items}


def _exchange(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request and the answer to it, as programs between the two log them, as one."""
    asked, answer = (
        _body(next((v for k, v in record.items() if k.endswith(names) and v), None))
        for names in (_ASKED, _ANSWERED)
    )
    answer = record if "choices" in record else answer
    given = next((asked[n] for n in ("messages", "contents") if n in asked), record.get("messages"))
    said = _said(answer)
    if isinstance(given, list) and said:
        return {**record, **asked, "messages": [*given, said]}
    if said:
        return {**record, **asked, "response": said.get("text", said)}
    found = {n: answer[n] for n in ("input", "output") if _has_items(answer.get(n))}
    return {**record, **asked, **found} if asked or found else record


def _said(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the message in an answer of a chat interface; None without one."""
    for name in ("choices", "candidates"):
        if isinstance(several := answer.get(name), list) and several:
            answer = several[0] if isinstance(several[0], Mapping) else {}
    for said in (answer.get("message"), answer.get("content"), answer):
        if isinstance(said, Mapping) and is_message(said):
            return said
    return answer if isinstance(answer.get("text"), str) and "finish_reason" in answer else None


def _body(value: Any) -> Mapping[str, Any]:
    inner = value.get("body") if isinstance(value, Mapping) else None
    if isinstance(inner, Mapping):
        return inner
    return value if isinstance(value, Mapping) else {}


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and (is_message(item) or kind_of(item)) for item in value
    )


def _items(value: Any, where: str, speaker: str) -> list[Any]:
    if isinstance(value, str):
        split = split_log(value) if speaker == "assistant" or is_rendered(value) else []
        return [{"role": r, "content": t} for r, t in split or [(speaker, value)]]
    if isinstance(value, Mapping) and is_message(value):
        return [value]
    if not isinstance(value, list | None):
        raise RecordError(f"{where} is {short(value)}, not a list of items")
    return value or []


def _results(item: Any) -> list[tuple[Any, str]]:
    """Return the calls of a message with their answers, if the calls hold these themselves."""
    calls = item.get("tool_calls") if isinstance(item, Mapping) and "role" in item else None
    if not isinstance(calls, list) or not all(isinstance(call, Mapping) for call in calls):
        return []
    told = [next((c[n] for n in _RESULTS if isinstance(c.get(n), str)), None) for c in calls]
    return [(c, r) for c, r in zip(calls, told, strict=True) if r is not None] if all(told) else []


def as_messages(items: list[Any]) -> list[Any]:
    """Return typed items as messages with roles; calls side by side are those of one message."""
    messages: list[Any] = []
    calls: list[Any] = []
    for item in items:
        kind = kind_of(item) if is_typed(item) else ""
        if kind == "call":
            if not calls:
                messages.append({"role": "assistant", "content": "", "tool_calls": calls})
            calls.append(called(item))
            continue
        calls = []
        if kind == "answer":
            messages.append(answered(item))
        elif kind == "thought":
            said = thought_in(item)
            messages.append({"role": "assistant", "content": "", "reasoning_content": said})
        elif results := _results(item):
            for n, (call, result) in enumerate(results):
                first = item if n == 0 else {"role": item["role"], "content": ""}
                messages.append({**first, "tool_calls": [call]})
                messages.append({"role": "tool", "content": result})
        elif is_typed(item):
            messages.append({"role": speaker_of(item), **item})
        else:
            messages.append(item)
    return messages
