"""One item of a record's conversation as messages of three roles, whatever its form is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.parts import action_in, kind_of, text_of
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import (
    NAMED_AS,
    ROLES,
    SIDES,
    Role,
    is_message,
    is_role,
    role_of,
)
from tratree.trajectory.reading.step_fields import ACTED, plain_step
from tratree.trajectory.reading.steps import GOALS
from tratree.trajectory.reading.values import decoded, field_name, unpacked
from tratree.trajectory.tool_calls import THOUGHTS, call_in_text, call_to_action
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.types import short
from tratree.trajectory.words import words

_SPEAKER = ("role", "from", "speaker", "author", "sender", "source_role")
_TEXT = (
    "content",
    "value",
    "text",
    "message",
    "utterance",
    "parts",
    "blocks",
    "items",
    "move",
    "data",
)
_GIVEN = words("action_input action_inputs action_args action_arguments action_kwargs")
"""Fields of a step with what its action is done with."""

_OFFERED = words(
    "admissible_commands admissible_actions admissible valid_actions valid available_actions "
    "candidates choices options possible_actions legal_actions"
)
"""Fields of a step with the actions that its action may be a number in."""

_VERBS = words("type action_type verb operation op")
"""Fields of an action with its verb."""

_TOLD = re.compile(r"action\s*[:：]|<action>|tool_call|\A\{|\n", re.IGNORECASE)
"""What a step's action has if it is a whole turn."""

_KINDS = {"Human": "human", "AI": "ai", "System": "system", "Tool": "tool", "Function": "function"}
"""Speakers by what the names of LangChain's classes begin with."""


@dataclass(frozen=True)
class Message:
    """A message of one side, once joined with its neighbours of the same side.

    Attributes:
        role: Speaker.
        text: All that is said.
        loss: Whether the publisher trains on it; None if the file does not say.
        action: The action of a tool call, None without a call; empty if it cannot be read.
        first: The number of its first message in the record, from 0.
        reward: The reward that a record of steps gives for it.
        doubt: Remark on how it was read; empty if it is plain.
    """

    role: Role
    text: str
    loss: bool | None = None
    action: str | None = None
    first: int = 0
    reward: float | None = None
    doubt: str = ""


def action_of(message: Message) -> str:
    """Return the action of an agent's message: that of its call, else that of its text."""
    return parse_turn(message.text)[1] if message.action is None else message.action


def read_message(item: Any) -> list[Message]:
    if isinstance(item, list) and len(item) == 2 and all(isinstance(text, str) for text in item):
        if item[0].strip().lower() in ROLES:
            return read_message({"role": item[0], "content": item[1]})
        return [Message("user", item[0]), Message("agent", item[1])]
    if not isinstance(item, Mapping):
        raise RecordError(f" is {short(item)}, not a message")
    if "lc" in item and isinstance(item.get("kwargs"), Mapping):  # LangChain's serialisation
        kind = str(item["id"][-1:]) if isinstance(item.get("id"), list) else ""
        speaker = next((_KINDS[name] for name in _KINDS if name in kind), None)
        return read_message({**item["kwargs"], "type": speaker or item["kwargs"].get("type")})
    if isinstance(item.get("message"), Mapping):
        outer = {k: v for k, v in item.items() if k == "loss" or k in NAMED_AS}
        return read_message({**outer, **item["message"]})
    item = {field_name(key): value for key, value in item.items()}
    if "class_" in item or ("description" in item and "content" in item and "role" not in item):
        return [_of_data_protocol(item)]
    kind = item.get("type")
    speaker = next((item[key] for key in _SPEAKER if item.get(key) is not None), None)
    if speaker is None and isinstance(kind, str) and kind.lower() in ROLES:
        speaker = kind  # LangChain's
        inner = item.get("data")
        item = inner if isinstance(inner, Mapping) else item
    if speaker is None:  # as Reflexion and AutoGen call it
        speaker = next((item[key] for key in NAMED_AS if is_role(item.get(key))), None)
    if speaker is None:
        return _of_step(item)
    name = role_of(speaker).lower()
    role = ROLES.get(name) or ("user" if name.startswith(("tool_", "env_", "function_")) else None)
    if role is None:
        raise RecordError(f" is from {short(speaker)}, which is no role that is known")
    key = next((key for key in _TEXT if key in item), None)
    parts = item[key] if key else None
    if isinstance(parts, list) and parts and all(kind_of(part) == "answer" for part in parts):
        role = "user"  # AutoGen names the agent that called the tool
    said, action = text_of(parts, f".{key}")
    if key is None and role == "agent" and any(isinstance(item.get(n), str) for n in ACTED):
        loss = item.get("loss") if isinstance(item.get("loss"), bool) else None
        return [replace(m, loss=loss) for m in _of_step(item) if m.role == "agent"]
    if key is None and not (item.get("tool_calls") or item.get("function_call")):
        raise RecordError(" has no text")
    if name in ("function_call", "tool_call", "action", "act") and action is None:
        action = _call_text(said)
        said = "" if action else said
        if (
            action is None
            and name in ("action", "act")
            and "\n" not in said
            and not parse_turn(said)[1]
        ):
            said, action = "", said.strip()
    acted = next((item[k] for k in ACTED if isinstance(item.get(k), str)), "")
    if role == "agent" and acted and action is None and not parse_turn(said)[1]:
        action = acted  # beside what was said
    calls = [] if role != "agent" else _calls(item)
    if calls:
        action = calls[0] if len(calls) == 1 else ""
    thinking = next((item[k] for k in THOUGHTS if isinstance(item.get(k), str) and item[k]), "")
    text = "\n".join(
        part
        for part in (f"<think>{thinking}</think>" if thinking not in said else "", said)
        if part
    )
    loss = item.get("loss", item.get("train", item.get("trainable")))
    if loss is None and isinstance(item.get("weight"), int | float):
        loss = bool(item["weight"])
    if isinstance(loss, int | float) and loss in (0, 1):
        loss = bool(loss)
    if loss is not None and not isinstance(loss, bool):
        raise RecordError(f".loss is {short(loss)}, not true, false or null")
    message = Message(role, text, loss if role == "agent" else None, action, reward=_reward(item))
    seen = item.get("observation") if role == "agent" else None
    return [message, *([Message("user", text_of(seen, ".observation")[0])] if seen else [])]


def _calls(item: Mapping[str, Any]) -> list[str]:
    given = item.get("tool_calls") or ([item["function_call"]] if item.get("function_call") else [])
    if isinstance(given, str):
        given = decoded(given)
    if not isinstance(given, list):
        raise RecordError(f".tool_calls is {short(given)}, not a list")
    calls = []
    for number, call in enumerate(given):
        if not isinstance(call, Mapping):
            raise RecordError(f".tool_calls[{number}] is {short(call)}, not a call")
        calls.append(action_in(call))
    return calls


def _call_text(text: str) -> str | None:
    """Return the action that the JSON of a call says; None if the text is not only that."""
    value = unpacked(re.sub(r"\A[\w ]+:\s*(?=[\[{])", "", text))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    return action_in(value)


def _of_data_protocol(item: Mapping[str, Any]) -> Message:
    """Return a message of the agent data protocol, whose items have a class instead of a role."""
    kind = str(item.get("class_", "message_action"))
    if kind.endswith("observation"):
        role: Role = "system" if item.get("source") == "system" else "user"
        return Message(role, text_of(item.get("content", item.get("html")), ".content")[0])
    thought = item.get("description") or ""
    if not isinstance(thought, str):
        raise RecordError(f".description is {short(thought)}, not text")
    if kind == "api_action":
        return Message(
            "agent", thought, None, call_to_action(item.get("function"), item.get("kwargs")) or ""
        )
    said = text_of(item.get("content"), ".content")[0]
    if not thought or re.fullmatch(r"\s*<finish>.*", said, re.DOTALL):
        return Message("agent", "\n".join(part for part in (thought, said) if part))
    return Message("agent", f"Thought: {thought}\nAction: {said}")


def _of_step(item: Mapping[str, Any]) -> list[Message]:
    """Return the messages of a step: what was seen, what was done, and what was seen after it."""
    sides = [name for name in SIDES if isinstance(item.get(name), str)]
    step = plain_step(item)
    if sides and step.get("action") is None:
        return [Message(ROLES[name], item[name]) for name in item if name in sides and item[name]]
    if isinstance(step.get("action"), Mapping):
        said = step["action"].get("value", step["action"])
        step["action"] = said if is_message(said) else _in_words(step["action"])
    offered: list[Any] = next(
        (step[name] for name in _OFFERED if isinstance(step.get(name), list)), []
    )
    if type(step.get("action")) is int and 0 <= step["action"] < len(offered):
        step["action"] = offered[step["action"]]
    (action, called), (seen, _), (after, _), (before, _) = (
        (None, None) if step.get(name) is None else text_of(step[name], f".{name}")
        for name in ("action", "observation", "next_obs", "before")
    )
    action, seen = called or action, seen if before is None else before
    calls = _calls(step)
    goal = next((step[k] for k in GOALS if isinstance(step.get(k), str)), None)
    if action is None and seen is None and after is None and not calls:
        if goal is None:
            raise RecordError(" has neither a role nor an observation or an action")
        return [Message("user", goal if stated_goal(goal) else f"Task: {goal}")]
    thought = step.get("thought") if isinstance(step.get("thought"), str) else ""
    said = (action or "").strip()
    given = next((step[n] for n in _GIVEN if step.get(n)), None)
    said = (call_to_action(said, given) or said) if given and "\n" not in said else said
    said = (call_in_text(said) or ("", said))[1] if said.endswith(")") else said
    system = step.get("system")
    messages = [Message("system", system)] if isinstance(system, str) and system else []
    reward = _reward(step)
    told = (
        isinstance(item.get("input"), str) and isinstance(item.get("output"), str) and not thought
    )
    alone = reward if action is None and not calls else None
    messages += [] if seen is None else [Message("user", seen, reward=alone)]
    if is_message(step.get("action")):
        messages += [replace(m, reward=reward) for m in read_message(step["action"])]
        return messages if after is None else [*messages, Message("user", after)]
    if calls:
        whole = "\n".join(part for part in (thought, said) if part)
        called = calls[0] if len(calls) == 1 else ""
        messages.append(Message("agent", whole, None, called, reward=reward))
    elif action is not None and (told or _TOLD.search(said) or parse_turn(said)[1]):
        whole = f"<think>{thought}</think>\n{said}" if thought else said
        messages.append(Message("agent", whole, reward=reward))
    elif action is not None:
        messages.append(Message("agent", thought or "", None, said, reward=reward))
    return messages if after is None else [*messages, Message("user", after)]


def _in_words(action: Mapping[str, Any]) -> Any:
    """Return an action that has a verb and what it is done with as its words."""
    verb = next((n for n in _VERBS if isinstance(action.get(n), str)), None)
    given = {k: v for k, v in action.items() if k != verb and isinstance(v, str | int)}
    if (
        verb is None
        or not given
        or kind_of(action)
        or not set(action).isdisjoint(("text", "content"))
    ):
        return action
    return call_to_action(action[verb], given) or action


def _reward(item: Mapping[str, Any]) -> float | None:
    reward: Any = item.get("reward", item.get("r"))
    with suppress(ValueError):
        reward = float(reward) if isinstance(reward, str) else reward
    number = isinstance(reward, int | float) and not isinstance(reward, bool)
    return reward if number and math.isfinite(reward) else None
