"""Events that programs log: OpenHands' stream of actions and observations, LangChain's steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from tratree.trajectory.reading.values import literal
from tratree.trajectory.words import words

_OF_THE_PROGRAM = frozenset(
    words(
        "null change_agent_state agent_state_changed recall condensation condensation_request "
        "pause resume start stop"
    )
)
"""Kinds of events that are neither said, done nor seen."""

_WHOLE = words("command code browser_actions url")
"""Arguments of an OpenHands action that are what it does."""

_TEXT = r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_PRINTED = re.compile(
    rf"\s*(?:\w+\()?tool={_TEXT},? tool_input=({_TEXT[1:-1]}|\{{.*?\}}),? log={_TEXT}", re.DOTALL
)
"""A call of LangChain's as Python prints it."""


def is_event(value: Any) -> bool:
    """Return whether a value is an event of OpenHands: somebody's action, or an observation."""
    if not isinstance(value, Mapping) or not isinstance(value.get("source"), str | None):
        return False
    acted = "action" in value and ("args" in value or "tool_name" in value)
    seen = "observation" in value and ("extras" in value or "cause" in value or "kind" in value)
    named = "source" in value and str(value.get("kind")).endswith("Event")
    return named or seen or ("source" in value and acted)


def is_intermediate_step(value: Any) -> bool:
    """Return whether a value is a step of LangChain's: a tool's call, and what it answered."""
    called = value[0] if isinstance(value, list) and len(value) == 2 else _called(value)
    return {"tool", "tool_input"} <= _plain(called).keys()


def spoken(items: list[Any]) -> list[Any]:
    """Return events as messages with roles; other items as they are."""
    flat = [e for item in items for e in (item if isinstance(item, list) else [item])]
    if flat and all(map(is_event, flat)):
        return [message for event in flat for message in _of_event(event)]
    if items and all(map(is_intermediate_step, items)):
        return [message for item in items for message in _of_step(item)]
    return items


def _of_event(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    speaker = "assistant" if event.get("source") == "agent" else "user"
    acted, seen, given = event.get("action"), event.get("observation"), event.get("args")
    kind = acted if isinstance(acted, str) else None
    arguments: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    thought = arguments.get("thought", event.get("thought")) or ""
    if isinstance(said := event.get("llm_message"), Mapping):
        yield {"role": speaker, **said}
    elif kind is None and event.get("tool_call"):
        yield {"role": "assistant", "content": thought, "tool_calls": [event["tool_call"]]}
    elif kind == "system":
        yield {"role": "system", "content": arguments.get("content")}
    elif kind == "message":
        yield {"role": speaker, "content": arguments.get("content", event.get("message"))}
    elif kind == "think":
        yield {"role": "assistant", "content": "", "reasoning_content": thought}
    elif kind is not None and kind not in _OF_THE_PROGRAM:
        yield {"role": "assistant", "content": thought, "tool_calls": [_call(kind, arguments)]}
    elif isinstance(seen, Mapping):
        yield {"role": "user", "content": seen.get("content")}
    elif kind is None and isinstance(seen, str) and seen not in (*_OF_THE_PROGRAM, "think"):
        content = event.get("content")
        yield {"role": "user", "content": seen if content is None else content}


def _call(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(arguments.get("name"), str) and "arguments" in arguments:
        return {"name": arguments["name"], "arguments": arguments["arguments"]}
    whole = next((arguments[n] for n in _WHOLE if isinstance(arguments.get(n), str)), None)
    if whole is not None and kind.startswith(("run", "browse_")):
        return {"name": "act", "arguments": {"action": whole}}
    named = {key: arguments[key] for key in ("url", "path") if isinstance(arguments.get(key), str)}
    return {"name": kind, "arguments": named}


def _of_step(item: Any) -> Iterator[dict[str, Any]]:
    called, seen = item if isinstance(item, list) else (_called(item), item.get("observation"))
    called = _plain(called)
    log = called.get("log")
    thought = log.partition("Action:")[0].partition("Invoking:")[0] if isinstance(log, str) else ""
    if called["tool"] == "_Exception":  # the agent's text could not be read
        yield {"role": "assistant", "content": log if isinstance(log, str) else ""}
    else:
        call = {"name": called["tool"], "arguments": called["tool_input"]}
        yield {
            "role": "assistant",
            "content": thought.strip().removeprefix("Thought:").strip(),
            "tool_calls": [call],
        }
    yield {"role": "tool", "content": seen}


def _called(value: Any) -> Any:
    return value.get("action") if isinstance(value, Mapping) else None


def _plain(value: Any) -> Mapping[str, Any]:
    """Return a call without what LangChain's serialisation, or Python's, puts around it."""
    if isinstance(value, str) and (printed := _PRINTED.match(value)) is not None:
        with suppress(ValueError):
            fields = ("tool", "tool_input", "log")
            return dict(zip(fields, map(literal, printed.groups()), strict=True))
    inner = value.get("kwargs") if isinstance(value, Mapping) and "lc" in value else value
    return inner if isinstance(inner, Mapping) else {}
