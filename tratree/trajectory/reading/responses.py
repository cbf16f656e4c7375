"""Records of OpenAI's interfaces: typed items of the Responses one, requests with their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.logs import is_rendered, split_log
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.values import decoded
from tratree.trajectory.types import short

_CALLS = ("function_call", "custom_tool_call")
_ANSWERS = ("function_call_output", "custom_tool_call_output")
_TYPES = (*_CALLS, *_ANSWERS, "reasoning")


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
    asked, answered = (
        _body(next((record[name] for name in names if record.get(name)), None))
        for names in (("request", "params", "kwargs"), ("response", "result", "completion"))
    )
    given = next((asked[n] for n in ("messages", "contents") if n in asked), record.get("messages"))
    if isinstance(given, list) and (said := _said(answered)):
        return {**record, **asked, "messages": [*given, said]}
    found = {n: answered[n] for n in ("input", "output") if _has_items(answered.get(n))}
    return {**record, **asked, **found} if asked or found else record


def _said(answered: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the message in an answer of a chat interface; None without one."""
    for name in ("choices", "candidates"):
        if isinstance(several := answered.get(name), list) and several:
            answered = several[0] if isinstance(several[0], Mapping) else {}
    for said in (answered.get("message"), answered.get("content"), answered):
        if isinstance(said, Mapping) and is_message(said):
            return said
    return None


def _body(value: Any) -> Mapping[str, Any]:
    inner = value.get("body") if isinstance(value, Mapping) else None
    if isinstance(inner, Mapping):
        return inner
    return value if isinstance(value, Mapping) else {}


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and (is_message(item) or item.get("type") in _TYPES)
        for item in value
    )


def _items(value: Any, where: str, speaker: str) -> list[Any]:
    if isinstance(value, str):
        split = split_log(value) if speaker == "assistant" or is_rendered(value) else []
        return [{"role": r, "content": t} for r, t in split or [(speaker, value)]]
    if not isinstance(value, list | None):
        raise RecordError(f"{where} is {short(value)}, not a list of items")
    return value or []


def as_messages(items: list[Any]) -> list[Any]:
    """Return typed items as messages with roles; calls side by side are those of one message."""
    if not any(isinstance(item, Mapping) and item.get("type") in _TYPES for item in items):
        return items
    messages: list[Any] = []
    for item in items:
        kind = item.get("type") if isinstance(item, Mapping) else None
        if kind in _CALLS:
            given = item.get("arguments", item.get("input"))
            call = {
                "id": item.get("call_id", item.get("id")),
                "function": {"name": item.get("name"), "arguments": given},
            }
            if messages and isinstance(messages[-1], dict) and messages[-1].get("tool_calls"):
                messages[-1]["tool_calls"].append(call)
            else:
                messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        elif kind in _ANSWERS:
            answer = {"role": "tool", "tool_call_id": item.get("call_id")}
            messages.append({**answer, "content": item.get("output")})
        elif kind == "reasoning":
            said = _text(item.get("content") or item.get("summary"))
            messages.append({"role": "assistant", "content": "", "reasoning_content": said})
        else:
            messages.append(item)
    return messages


def _text(parts: Any) -> str:
    if not isinstance(parts, list):
        return parts if isinstance(parts, str) else ""
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))
