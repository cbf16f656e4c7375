"""A record as conversations: messages of three roles, whatever the publisher calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.logs import split_log
from tratree.trajectory.reading.record_error import RecordError, short
from tratree.trajectory.tool_calls import call_to_action
from tratree.trajectory.words import words

Role = Literal["system", "user", "agent"]

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        words(
            "user human observation obs tool tool_response tool_result tool_output function "
            "function_response environment env ipython execution result prompter"
        ),
        "user",
    ),
    **dict.fromkeys(
        words(
            "assistant gpt agent model bot chatgpt ai llm policy function_call tool_call "
            "action thought think expert"
        ),
        "agent",
    ),
}
"""Speakers, by the names that publishers use."""

_CONTAINERS = words(
    "conversations conversation messages dialogue dialog history trajectory traj turns chat "
    "steps content text transcript log"
)
_SPEAKER = ("role", "from", "speaker", "author", "sender", "source_role")
_TEXT = ("content", "value", "text", "message", "utterance")
_THINKING = ("reasoning_content", "thinking", "reasoning")


@dataclass(frozen=True)
class Message:
    """A message of one side, with its neighbours of the same side joined.

    Attributes:
        role: Who speaks.
        text: All that is said.
        loss: Whether the publisher trains on it; None if the file does not say.
        action: The action of a tool call, None without a call; empty if it cannot be read.
        first: The number of its first message in the record, from 0.
        reward: The reward that a record of steps gives for it.
    """

    role: Role
    text: str
    loss: bool | None = None
    action: str | None = None
    first: int = 0
    reward: float | None = None


@dataclass(frozen=True)
class Conversation:
    """The messages of one episode of a record.

    Attributes:
        messages: In their order. Roles differ between neighbours, but where one opens a task.
        part: ``chosen`` or ``rejected`` of a preference pair; else empty.
        context: The first messages, which are not a target of a training: the prompt of a pair.
    """

    messages: tuple[Message, ...]
    part: str = ""
    context: int = 0


def conversations_of(record: Mapping[str, Any]) -> list[Conversation]:
    """Return the conversations of a record: two of a preference pair, else one.

    Raises:
        RecordError: If it is not one, or a field of it has a wrong type.
    """
    system = next((record[k] for k in ("system", "system_prompt") if record.get(k)), None)
    front = [] if system is None else [Message("system", _text_of(system, "system")[0])]
    container = next((name for name in _CONTAINERS if _is_conversation(record.get(name))), None)
    if isinstance(record.get("instruction"), str) and isinstance(record.get("output"), str):
        container = None  # Alpaca's: its history is a part of the prompt
    shared = _messages(record[container], container) if container else _prompt(record)
    pairs = [(n, record[n]) for n in ("chosen", "rejected") if record.get(n) not in (None, "", [])]
    if not pairs:
        for name in ("completion", "response", "output"):
            if container is None and record.get(name) not in (None, "", []):
                pairs = [("", record[name])]
                break
    if not pairs:
        if not shared:
            raise RecordError(
                "no conversations or messages: it has "
                + (", ".join(map(str, list(record)[:8])) or "no field")
            )
        return [Conversation(_joined([*front, *shared]))]
    found = []
    for name, answer in pairs:
        said = _messages(answer, name or "completion", alone="agent")
        begins = [(m.role, m.text) for m in said[: len(shared)]] == [
            (m.role, m.text) for m in shared
        ]
        whole = _joined([*front, *([] if begins else shared), *said])
        found.append(Conversation(whole, name, len(_joined([*front, *shared]))))
    return found


def _is_conversation(value: Any) -> bool:
    if isinstance(value, str):
        value = _decoded(value)
        return (isinstance(value, str) and bool(split_log(value))) or _is_conversation_list(value)
    return _is_conversation_list(value)


def _is_conversation_list(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(m, dict | list) for m in value)
    )


def _decoded(text: str) -> Any:
    """Return what JSON in a field of text says: tables have nested values so."""
    if text.lstrip()[:2] in ("[{", "[[", "[ ", "[\n"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _prompt(record: Mapping[str, Any]) -> list[Message]:
    """Return the messages before a completion: ``prompt``, or Alpaca's instruction and history."""
    messages = _messages(record["history"], "history") if record.get("history") else []
    prompt = record.get("prompt")
    if isinstance(prompt, str | list) and prompt:
        messages += _messages(prompt, "prompt", alone="user")
    instruction = record.get("instruction")
    if isinstance(instruction, str) and isinstance(record.get("output"), str):
        given = record.get("input")
        said = f"{instruction}\n{given}" if isinstance(given, str) and given else instruction
        messages.append(Message("user", said))
    return messages


def _messages(value: Any, where: str, alone: Role | None = None) -> list[Message]:
    """Return the messages of a field: a list, JSON of one, a log, or one text of `alone`."""
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, str):
        split = split_log(value)
        if split:
            return [Message(ROLES[role], text, first=n) for n, (role, text) in enumerate(split)]
        if alone is None:
            raise RecordError(f"{where} is text without turns")
        return [Message(alone, value)]
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise RecordError(f"{where} is {short(value)}, not a list of messages")
    messages: list[Message] = []
    for number, item in enumerate(value):
        try:
            found = _message(item)
        except RecordError as error:
            raise RecordError(f"{where}[{number}]{error}") from None
        messages += [replace(message, first=number) for message in found]
    return messages


def _message(item: Any) -> list[Message]:
    if isinstance(item, list) and len(item) == 2 and all(isinstance(text, str) for text in item):
        return [Message("user", item[0]), Message("agent", item[1])]
    if not isinstance(item, Mapping):
        raise RecordError(f" is {short(item)}, not a message")
    if "class_" in item or ("description" in item and "content" in item and "role" not in item):
        return [_of_data_protocol(item)]
    speaker = next((item[key] for key in _SPEAKER if item.get(key) is not None), None)
    if speaker is None:
        return _of_step(item)
    if not isinstance(speaker, str) or speaker.strip().lower() not in ROLES:
        raise RecordError(f" is from {short(speaker)}, which is no role that is known")
    name = speaker.strip().lower()
    role = ROLES[name]
    key = next((key for key in _TEXT if key in item), None)
    said, action = _text_of(item[key] if key else None, f".{key}")
    if key is None and not (item.get("tool_calls") or item.get("function_call")):
        raise RecordError(" has no text")
    if name in ("function_call", "tool_call", "action") and action is None:
        action = _call_text(said)
        said = "" if action else said
    calls = [] if role != "agent" else _calls(item)
    if calls:
        action = calls[0] if len(calls) == 1 else ""
    thinking = next((item[k] for k in _THINKING if isinstance(item.get(k), str) and item[k]), "")
    text = "\n".join(
        part for part in (f"<think>{thinking}</think>" if thinking else "", said) if part
    )
    loss = item.get("loss", item.get("train", item.get("trainable")))
    if loss is None and isinstance(item.get("weight"), int | float):
        loss = bool(item["weight"])
    if isinstance(loss, int | float) and loss in (0, 1):
        loss = bool(loss)
    if loss is not None and not isinstance(loss, bool):
        raise RecordError(f".loss is {short(loss)}, not true, false or null")
    return [Message(role, text, loss if role == "agent" else None, action, reward=_reward(item))]


def _text_of(value: Any, where: str) -> tuple[str, str | None]:
    """Return (text, action of a call) of a message's content, which may be in parts."""
    if value is None:
        return "", None
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence):
        raise RecordError(f"{where} is {short(value)}, not text")
    texts: list[str] = []
    actions: list[str] = []
    for number, part in enumerate(value):
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, Mapping):
            raise RecordError(f"{where}[{number}] is {short(part)}, not text")
        kind = part.get("type")
        if kind in ("tool_use", "tool_call", "function_call"):
            given = part.get("input", part.get("arguments"))
            actions.append(call_to_action(part.get("name"), given) or "")
        elif kind in ("thinking", "reasoning"):
            texts.append(f"<think>{part.get('thinking') or part.get('text') or ''}</think>")
        elif kind == "tool_result":
            texts.append(_text_of(part.get("content"), where)[0])
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part.get("content"), str):
            texts.append(part["content"])
        else:
            raise RecordError(f"{where}[{number}] is of type {short(kind)}, which has no text")
    action = None if not actions else actions[0] if len(actions) == 1 else ""
    return "\n".join(text for text in texts if text), action


def _calls(item: Mapping[str, Any]) -> list[str]:
    given = item.get("tool_calls") or ([item["function_call"]] if item.get("function_call") else [])
    if isinstance(given, str):
        given = _decoded(given)
    if not isinstance(given, list):
        raise RecordError(f".tool_calls is {short(given)}, not a list")
    calls = []
    for number, call in enumerate(given):
        inner = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(inner, str) and isinstance(call, Mapping):
            inner = {"name": inner, "arguments": call.get("arguments", call.get("kwargs"))}
        if not isinstance(inner, Mapping):
            raise RecordError(f".tool_calls[{number}] is {short(call)}, not a call")
        arguments = inner.get("arguments", inner.get("args", inner.get("input")))
        calls.append(call_to_action(inner.get("name"), arguments) or "")
    return calls


def _call_text(text: str) -> str | None:
    """Return the action that the JSON of a call says; None if the text is not only that."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    return call_to_action(value.get("name"), value.get("arguments", value.get("parameters"))) or ""


def _of_data_protocol(item: Mapping[str, Any]) -> Message:
    """Return a message of the agent data protocol, whose items have a class instead of a role."""
    kind = str(item.get("class_", "message_action"))
    if kind.endswith("observation"):
        role: Role = "system" if item.get("source") == "system" else "user"
        return Message(role, _text_of(item.get("content", item.get("html")), ".content")[0])
    thought = item.get("description") or ""
    if not isinstance(thought, str):
        raise RecordError(f".description is {short(thought)}, not text")
    if kind == "api_action":
        return Message(
            "agent", thought, None, call_to_action(item.get("function"), item.get("kwargs")) or ""
        )
    said = _text_of(item.get("content"), ".content")[0]
    if not thought or re.fullmatch(r"\s*<finish>.*", said, re.DOTALL):
        return Message("agent", "\n".join(part for part in (thought, said) if part))
    return Message("agent", f"Thought: {thought}\nAction: {said}")


def _of_step(item: Mapping[str, Any]) -> list[Message]:
    """Return the messages of a step: what was seen, then what was done, or the other way round."""
    if isinstance(item.get("input"), str) and isinstance(item.get("output"), str):
        system = item.get("system")
        first = [Message("system", system)] if isinstance(system, str) and system else []
        return [*first, Message("user", item["input"]), Message("agent", item["output"])]
    action = next((item[k] for k in ("action", "act", "response", "output") if k in item), None)
    seen = next((item[k] for k in ("observation", "obs", "state", "prompt") if k in item), None)
    after = next(
        (item[k] for k in ("next_observation", "next_obs", "next_state", "feedback") if k in item),
        None,
    )
    if action is None and seen is None:
        raise RecordError(" has neither a role nor an observation or an action")
    for name, value in (("action", action), ("observation", seen), ("next observation", after)):
        if value is not None and not isinstance(value, str):
            raise RecordError(f".{name} is {short(value)}, not text")
    thought = next(
        (item[k] for k in ("thought", "think", "reasoning") if isinstance(item.get(k), str)), ""
    )
    messages = [] if seen is None else [Message("user", seen)]
    if action is not None:
        plain = not re.search(r"action\s*[:：]|<action>|tool_call", action, re.IGNORECASE)
        messages.append(
            Message(
                "agent",
                thought if plain else action,
                None,
                action if plain else None,
                reward=_reward(item),
            )
        )
    return messages if after is None else [*messages, Message("user", after)]


def _reward(item: Mapping[str, Any]) -> float | None:
    reward = item.get("reward")
    return reward if type(reward) in (int, float) else None


def _opens_task(last: Message, message: Message) -> bool:
    """Return whether a message of the user's side opens a task after rules or an example."""
    return message.role == "user" and bool(stated_goal(message.text)) and not stated_goal(last.text)


def _joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join neighbours of one side: a thought and its call, an observation and a reminder."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last is None or last.role != message.role or _opens_task(last, message):
            joined.append(message)
            continue
        losses = {last.loss, message.loss} - {None}
        text = "\n".join(part for part in (last.text, message.text) if part)
        if last.role == "user" and last.text == message.text:
            text = last.text  # a step's next observation, and the following step's observation
        joined[-1] = replace(
            last,
            text=text,
            loss=None if not losses else True in losses,
            action=last.action if message.action is None else message.action,
            reward=last.reward if message.reward is None else message.reward,
        )
    return tuple(joined)
