"""Events that programs log: OpenHands' stream of actions and observations, LangChain's steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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


def is_event(value: Any) -> bool:
    """Return whether a value is an event of OpenHands: somebody's action, or an observation."""
    if not isinstance(value, Mapping) or not isinstance(value.get("source"), str | None):
        return False
    acted = "action" in value and ("args" in value or "tool_name" in value)
    seen = "observation" in value and ("extras" in value or "cause" in value or "kind" in value)
    said = isinstance(value.get("llm_message"), Mapping)
    return ("source" in value or seen) and (acted or seen or said)


def is_intermediate_step(value: Any) -> bool:
    """Return whether a value is a step of LangChain's: a tool's call, and what it answered."""
    called = value[0] if isinstance(value, list) and len(value) == 2 else _called(value)
    return isinstance(_plain(called), Mapping) and {"tool", "tool_input"} <= _plain(called).keys()


def spoken(items: list[Any]) -> list[Any]:
    """Return events as messages with roles; other items as they are."""
    flat = [e for item in items for e in (item if isinstance(item, list) else [item])]
    if flat and all(map(is_event, flat)):
        return [message for event in flat for message in _of_event(event)]
    if items and all(map(is_intermediate_step, items)):
        return [message for item in items for message in _of_step(item)]
    return items


def _of_event(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    by_agent = event.get("source") == "agent"
    speaker = "assistant" if by_agent else "user"
    kind, seen = event.get("action"), event.get("observation")
    given = event.get("args")
    arguments: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    thought = arguments.get("thought", event.get("thought")) or ""
    if isinstance(said := event.get("llm_message"), Mapping):
        yield {"role": speaker, **said}
    elif event.get("tool_call") and isinstance(kind, Mapping | None):
        yield {"role": "assistant", "content": thought, "tool_calls": [event["tool_call"]]}
    elif kind in _OF_THE_PROGRAM or (kind is None and seen in _OF_THE_PROGRAM):
        return
    elif kind == "system":
        yield {"role": "system", "content": arguments.get("content")}
    elif kind == "message":
        yield {"role": speaker, "content": arguments.get("content", event.get("message"))}
    elif kind == "think":
        yield {"role": "assistant", "content": "", "reasoning_content": thought}
    elif isinstance(kind, str):
        yield {"role": "assistant", "content": thought, "tool_calls": [_call(kind, arguments)]}
    elif seen != "think":
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


def _plain(value: Any) -> Any:
    """Return an object without what LangChain's serialisation puts around it."""
    inner = value.get("kwargs") if isinstance(value, Mapping) and "lc" in value else None
    return inner if isinstance(inner, Mapping) else value
