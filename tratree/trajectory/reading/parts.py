"""Parts of what is said: texts, thoughts, calls of tools and their answers, typed in any way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_role
from tratree.trajectory.reading.values import field_name
from tratree.trajectory.tool_calls import call_to_action
from tratree.trajectory.types import short
from tratree.trajectory.words import words

Kind = Literal["call", "answer", "thought", "unread", ""]

_TYPE = words("type kind part_kind message_type")
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(words("function_call custom_tool_call tool_call tool_use"), "call"),
    **dict.fromkeys(
        words(
            "function_call_output custom_tool_call_output tool_result tool_return tool_output "
            "function_result tool_call_result function_response"
        ),
        "answer",
    ),
    **dict.fromkeys(words("thinking reasoning thought"), "thought"),
    **dict.fromkeys(words("image image_url input_image video audio input_audio"), "unread"),
}
_INNER = words("function_call tool_use tool_call tool_result tool_call_result function_response")
"""Fields of a part that hold it, instead of a type."""

_NAMES = words("name tool_name function_name function")
_GIVEN = words("arguments args input kwargs params parameters")
_IDS = words("call_id tool_call_id tool_use_id id")
_CALLED = frozenset(words("action arguments args kwargs params parameters tool_input"))
"""Fields of an object that is a call."""

_TEXTS = words(
    "text content refusal observation obs output result results response value message summary "
    "thinking raw_text full_text html description document data tool_return"
)
"""Fields of an object that may hold its text, the likeliest first."""


def speaker_of(item: Mapping[str, Any]) -> str:
    """Return the side that the type of an item names, as Pydantic and Letta have it."""
    told = item.get("part_kind", item.get("message_type"))
    if not isinstance(told, str):
        return ""
    name = _kind_name(told).removesuffix("_prompt")
    return name if is_role(name) and name not in _KINDS else "assistant"


def is_typed(item: Any) -> bool:
    """Return whether a value is an item that has a type instead of a speaker."""
    if not isinstance(item, Mapping) or "role" in item:
        return False
    types = (item.get(name) for name in _TYPE)
    return bool(speaker_of(item)) or any(
        isinstance(told, str) and _kind_name(told) in _KINDS for told in types
    )


def _kind_name(told: str) -> str:
    name = field_name(told).replace(".", "_").removesuffix("_part").removesuffix("_message")
    return name.removeprefix("server_").removeprefix("mcp_")


def kind_of(part: Any) -> Kind:
    """Return the kind of a part or a typed item; empty for a text and whatever else."""
    if not isinstance(part, Mapping):
        return ""
    names = {field_name(key): value for key, value in part.items()}
    told = next((names[n] for n in _TYPE if isinstance(names.get(n), str)), "")
    told = _kind_name(told)
    inner = next((n for n in _INNER if isinstance(names.get(n), Mapping)), "")
    if "role" in names and not inner:
        return ""
    if names.get("thought") is True:
        return "thought"
    if not told and not inner and "name" in names:
        told = "tool_call" if not names.keys().isdisjoint(_GIVEN) else told
    if not told and not inner and "content" in names and not names.keys().isdisjoint(_IDS[:3]):
        told = "tool_result"
    return _KINDS.get(told) or _KINDS.get(inner, "")


def called(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call, as OpenAI's chats have it."""
    fields = _fields(part)
    inner = fields.get("function")
    fields = {**fields, **inner} if isinstance(inner, Mapping) else fields
    name, given, told = (
        next((fields[n] for n in names if fields.get(n) is not None), None)
        for names in (_NAMES, _GIVEN, _IDS)
    )
    return {"id": told, "function": {"name": name, "arguments": given}}


def action_in(part: Mapping[str, Any]) -> str:
    """Return the action that a call is; empty where it cannot be read."""
    call = called(part)["function"]
    return call_to_action(call["name"], call["arguments"]) or ""


def answered(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool's answer, as OpenAI's chats have it."""
    fields = _fields(part)
    told = next((fields[n] for n in _IDS if fields.get(n) is not None), None)
    said = next((fields[n] for n in _TEXTS if fields.get(n) is not None), None)
    return {"role": "tool", "tool_call_id": told, "content": said}


def _fields(part: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field_name(key): value for key, value in part.items()}
    for inner in [fields[n] for n in _INNER if isinstance(fields.get(n), Mapping)][:1]:
        fields |= {field_name(key): value for key, value in inner.items()}
    return fields


def thought_in(part: Mapping[str, Any]) -> str:
    """Return the text of a thought; empty if it is hidden."""
    names = ("thinking", "text", "content", "summary", "reasoning", "data", "value")
    said = next((part[n] for n in names if part.get(n)), "")
    return "" if isinstance(said, bool) else text_of(said, ".thought")[0]


def text_of(value: Any, where: str) -> tuple[str, str | None]:
    """Return (text, action of a call) of a message's content, which may be in parts.

    Raises:
        RecordError: If a part has no text; it names the place.
    """
    if value is None:
        return "", None
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping) and _CALLED & value.keys() and not kind_of(value):
        return json.dumps(value, ensure_ascii=False), None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence):
        raise RecordError(f"{where} is {short(value)}, not text")
    if all(isinstance(line, str) for line in value):
        return "\n".join(value), None
    texts: list[str] = []
    actions: list[str] = []
    for number, part in enumerate(value):
        place = f"{where}[{number}]"
        kind = kind_of(part)
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, Mapping):
            raise RecordError(f"{place} is {short(part)}, not text")
        elif kind == "call":
            actions.append(action_in(part))
        elif kind == "answer":
            texts.append(text_of(answered(part)["content"], place)[0])
        elif kind == "thought":
            texts.append(f"<think>{thought_in(part)}</think>")
        elif kind != "unread":
            texts.append(_text_within(part, place))
    action = None if not actions else actions[0] if len(actions) == 1 else ""
    return "\n".join(text for text in texts if text), action


def _text_within(part: Mapping[str, Any], where: str) -> str:
    fields = {field_name(key): value for key, value in part.items()}
    named = [n for n in _TEXTS if isinstance(fields.get(n), str)]
    named += [n for n in fields if "text" in n.split("_") or n.endswith("_txt")]
    said = next((fields[n] for n in named if isinstance(fields[n], str)), None)
    if said is None:
        inner = next((fields[n] for n in _TEXTS if isinstance(fields.get(n), Mapping | list)), None)
        if inner is None:
            raise RecordError(f"{where} is of type {short(part.get('type'))}, which has no text")
        return text_of(inner, where)[0]
    return str(said)
