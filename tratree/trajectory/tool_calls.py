"""Tool calls read as actions: JSON objects, Hermes and OpenHands tags, names with arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.values import PYTHON, literal
from tratree.trajectory.words import words

_ACT = frozenset(
    words(
        "act action step env_step execute execute_action take_action do_action perform_action "
        "do interact env environment game play command run run_command send execute_command "
        "alfworld webshop sciworld scienceworld textworld"
    )
)
"""Names of tools whose argument is the whole action."""

_WHOLE = ("", "action", "command", "cmd", "input", "text", "query", "value", "act", "action_input")
"""Arguments that may hold the whole action, the likeliest first."""

_SHOP = frozenset({"search", "click"})
_BEFORE = {
    "from": "from",
    "source": "from",
    "from_receptacle": "from",
    "with": "with",
    "tool": "with",
    "appliance": "with",
    "into": "into",
    "to": "to",
    "destination": "to",
    "target": "to",
    "receptacle": "to",
    "recep": "to",
    "on": "on",
}
"""Words before an argument, where a name such as ``take`` and its arguments are the action."""

_NAMES = ("name", "function", "tool", "tool_name", "action_name", "api")
_ARGUMENTS = (
    "arguments",
    "args",
    "kwargs",
    "parameters",
    "params",
    "action_input",
    "tool_input",
    "input",
)
THOUGHTS = words(
    "thought thoughts think thinking reasoning reasoning_content reason rationale chain_of_thought "
    "cot inner_monologue monologue agent_thought plan tool_plan reflection analysis"
)
"""Fields with what an agent thought before its action."""

_HERMES = re.compile(r"<(tool_call|function_call)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_FUNCTION = re.compile(
    r"<(?:function=|invoke name=\")([\w.-]+)\"?>(.*?)(?:</(?:function|invoke)>|\Z)", re.DOTALL
)
_PARAMETER = re.compile(r"<parameter(?:=| name=\")([\w.-]+)\"?>(.*?)</parameter>", re.DOTALL)
_PYTHON = re.compile(
    r"\A\s*\[?(?:\w+\.)*(\w+)\(\s*(?:(\w+)\s*=\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\s*\)\]?\s*\Z"
)
_GLM = re.compile(r"\A\s*([\w.-]+)\s*((?:<arg_key>.*?</arg_value>\s*)*)\Z", re.DOTALL)
_GLM_ARGUMENT = re.compile(
    r"<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>\s*(.*?)\s*</arg_value>", re.DOTALL
)
_XML = re.compile(
    r"\A\s*<name>\s*([\w.-]+)\s*</name>\s*<(?:arguments|parameters)>(.*?)</", re.DOTALL
)
_NAMED = re.compile(
    r"<(?:\|tool_call_begin\||｜tool▁call▁begin｜)>\s*(?:function<｜tool▁sep｜>)?\s*"
    r"(?:functions\.)?([\w-]+)(?::\d+)?\s*"
    r"(?:<\|tool_call_argument_begin\|>|<｜tool▁sep｜>)?\s*(?:```json)?\s*(\{.*?\})\s*(?:```)?\s*"
    r"(?:<\|tool_call_end\|>|<｜tool▁call▁end｜>|\Z)",
    re.DOTALL,
)
"""Calls of Kimi K2 and DeepSeek: a name, then JSON."""

_MARKED = re.compile(
    r"<\|(?:action_start\|>(?:<\|\w+\|>)?|tool_call\|>)(.*?)(?:<\|(?:action_end|/tool_call)\|>|\Z)",
    re.DOTALL,
)
"""Calls of InternLM and Phi: JSON."""

_SECTION = re.compile(
    r"<\|tool_calls_section_(?:begin|end)\|>|<｜tool▁calls▁(?:begin|end)｜>|</?\w+:tool_call>"
)
_LISTED = re.compile(r"\s*\[\s*\{")
_APPLIED = re.compile(r"\A\s*\[?(\w+)\(\s*(\{.*\})\s*\)\]?\s*\Z", re.DOTALL)
_DECODER = json.JSONDecoder()


def with_hermes_tags(text: str) -> str:
    """Return a text with the calls of Kimi, DeepSeek, InternLM and Phi in ``<tool_call>`` tags."""
    text = _NAMED.sub(r'<tool_call>{"name": "\1", "arguments": \2}</tool_call>', text)
    return _SECTION.sub("", _MARKED.sub(r"<tool_call>\1</tool_call>", text))


def call_to_action(name: Any, arguments: Any) -> str | None:
    """Return the action that a call of tool `name` is, or None where it is unknown.

    >>> call_to_action("act", '{"action": "look"}'), call_to_action("search", {"query": "red cup"})
    ('look', 'search[red cup]')
    >>> call_to_action("take", {"item": "mug 1", "source": "shelf 2"})
    'take mug 1 from shelf 2'
    """
    if not isinstance(name, str):
        return None
    if isinstance(arguments, str):
        try:
            arguments = (literal if PYTHON.match(arguments) else json.loads)(arguments)
        except (ValueError, RecursionError):
            if arguments.lstrip()[:1] in ("{", "["):
                return None  # cut off
            arguments = {"": arguments}
    if isinstance(arguments, str | int | float):
        arguments = {"": arguments}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        return None
    values = {str(key): _plain(value) for key, value in arguments.items() if value is not None}
    if not all(isinstance(value, str) for value in values.values()):
        return None
    word = name.strip().rpartition(".")[2].lower()
    whole = next((values[key] for key in _WHOLE if key in values), None)
    if word in _SHOP:
        inside = whole if whole is not None else next(iter(values.values()), None)
        if inside is None:
            return None
        return _line(inside if re.match(rf"{word}\[", inside, re.I) else f"{word}[{inside}]")
    if word in _ACT or (whole is not None and "action" in values and len(values) == 1):
        inside = whole if whole is not None else next(iter(values.values()), None)
        return _line(inside) if inside is not None and (len(values) == 1 or whole) else None
    return _line(_spoken(word.replace("_", " "), values))


def call_in_text(text: str) -> tuple[str, str] | None:
    """Return (what is said before it, action) of the last tool call in a text; None without one.

    The action is empty where the call cannot be read.
    """
    for tag in (_HERMES, _FUNCTION):
        found = list(tag.finditer(text))
        if found:
            last = found[-1]
            if tag is _FUNCTION:
                given = {key: value.strip() for key, value in _PARAMETER.findall(last[2])}
                return text[: last.start()], call_to_action(last[1], given or last[2].strip()) or ""
            return text[: last.start()], _inside(last[2])
    python = _PYTHON.match(text)
    if python is not None and python[1].lower() in _ACT | _SHOP:
        return "", call_to_action(python[1], {python[2] or "action": python[3][1:-1]}) or ""
    applied = _APPLIED.match(text)
    if applied is not None and applied[1].lower() in _ACT | _SHOP:
        return "", call_to_action(applied[1], applied[2]) or ""
    return _json_in(text)


def _inside(text: str) -> str:
    """Return the action of what ``<tool_call>`` tags hold; empty where it cannot be read."""
    if (glm := _GLM.match(text)) is not None and glm[2]:
        return call_to_action(glm[1], dict(_GLM_ARGUMENT.findall(glm[2]))) or ""
    if (xml := _XML.match(text)) is not None:
        return call_to_action(xml[1], xml[2].strip()) or ""
    return (call_in_text(text) or ("", ""))[1]


def _json_in(text: str) -> tuple[str, str] | None:
    start = text.index("[") if _LISTED.match(text) else text.find("{")
    while start >= 0:
        try:
            value, end = _decoded(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1) if text.count("{", start) < 20 else -1
            continue
        read = _read_object(value)
        if read is not None and not text[end:].strip().strip("`").strip():
            said = re.sub(r"(?:```\w*|~~~\w*|Action\s*[:：])\s*\Z", "", text[:start].rstrip())
            return "\n".join(part for part in (said.strip(), read[0]) if part), read[1]
        start = text.find("{", end)
    return None


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """Return a value of JSON in a text, or of Python if it is the last, and where it ends."""
    if PYTHON.match(text, start):
        end = max(text.rfind("}"), text.rfind("]")) + 1
        return literal(text[start:end]), end
    return _DECODER.raw_decode(text, start)


def _read_object(value: Any) -> tuple[str, str] | None:
    """Return (thought, action) of an object that is a call or names an action."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    folded = {str(key).lower(): item for key, item in value.items()}
    if isinstance(said := folded.get("thoughts"), Mapping):  # as AutoGPT writes them
        folded |= {"thought": str(said.get("text") or said.get("reasoning") or "")}
    thought = next((folded[key] for key in THOUGHTS if isinstance(folded.get(key), str)), "")
    if isinstance(folded.get("tool_calls"), list):
        return thought, (_read_object(folded["tool_calls"]) or ("", ""))[1]
    inner = value.get("function")
    if isinstance(inner, Mapping):
        value = inner
    folded = {str(key).lower(): item for key, item in value.items()}
    arguments = next((folded[key] for key in _ARGUMENTS if key in folded), None)
    name = next((folded[key] for key in _NAMES if isinstance(folded.get(key), str)), None)
    action = folded.get("action", folded.get("act", folded.get("command")))
    if name is not None and arguments is not None:
        return thought, call_to_action(name, arguments) or ""
    if isinstance(action, Mapping):
        return thought, (_read_object(action) or ("", ""))[1]
    if isinstance(action, str):
        called = call_to_action(action, arguments) if arguments not in (None, {}, "") else action
        return thought, _line(called or "")
    return None


def _spoken(word: str, values: Mapping[str, str]) -> str:
    """Return a command in words, such as ``take mug 1 from shelf 2``."""
    parts = [word]
    for number, (key, value) in enumerate(values.items()):
        before = _BEFORE.get(key.lower(), "")
        if number == 0:
            before = "to" if word in ("go", "teleport") else ""
        elif word in ("put", "place") and before == "to":
            before = "in/on"
        elif word in ("take", "pick up") and before == "to":
            before = "from"
        parts += [before, value]
    return " ".join(part for part in parts if part)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value if isinstance(value, str) else None
    text = str(value).strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")
