"""A record as conversations: messages of three roles, whatever the publisher calls them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tratree.trajectory.reading.bare_actions import are_texts_in_turn, with_bare_actions
from tratree.trajectory.reading.events import spoken
from tratree.trajectory.reading.joined import acts_again, joined
from tratree.trajectory.reading.logs import is_rendered, split_log
from tratree.trajectory.reading.message import Message, read_message
from tratree.trajectory.reading.parts import text_of
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.responses import as_messages, from_openai
from tratree.trajectory.reading.roles import ROLES, Role, is_message, is_role
from tratree.trajectory.reading.step_fields import is_step
from tratree.trajectory.reading.steps import (
    from_transitions,
    in_order,
    last_seen,
    side_by_side,
    stated_opening,
)
from tratree.trajectory.reading.tool_logs import from_tool_log
from tratree.trajectory.reading.turns_within import are_turns, is_turn, turns_within
from tratree.trajectory.reading.values import (
    NUMBERED,
    by_rows,
    by_suffix,
    decoded,
    field_name,
    in_time,
    nested,
    unpacked,
)
from tratree.trajectory.types import short
from tratree.trajectory.words import words

_CONTAINERS = words(
    "conversations conversation messages dialogue dialog history trajectory traj turns rounds chat "
    "steps content contents text transcript log items intermediate_steps env_history scratchpad"
)
_NO_CONTAINERS = frozenset(words("prompt chosen rejected completion response output input tools"))
_KEPT_OF_CALLS = ("role", "from", "loss", "train", "trainable", "weight")
"""Fields of a message with several calls that count for each of them."""

_TEXTS_IN_TURN = words("conversations conversation messages dialogue dialog turns chat")
"""Fields whose texts without speakers are the user's and the agent's in turn."""

_ASKED = (("instruction", "output"), ("query", "response"))
"""Fields of one question and its answer: Alpaca's and ms-swift's."""

_ALIASES = {
    **dict.fromkeys(words("input_prompt prompt_text prompt_str input_text"), "prompt"),
    **dict.fromkeys(
        words("output_response response_text response_str output_text sampled"), "response"
    ),
}
"""Other names of a prompt and its answer."""

_ANSWERS = words("completion response responses output answer answers")
"""Fields with what the agent says at last, where the messages do not have it."""

_EXAMPLE = re.compile("exampl|shot|icl|demo|memor|template|rule|system|instruct|prompt")
_SPOKEN = re.compile(r"\s*(\w+)\s*:\s*(.*)", re.DOTALL)
"""A speaker and what it says, in one text."""

_OUTCOMES = words("reward score success done finished won")

_WRAPPERS = words("data history trajectory episode sample record example conversation item")
"""Fields that may hold the object with the messages."""


@dataclass(frozen=True)
class Conversation:
    """The messages of one episode of a record.

    Attributes:
        messages: In their order. Roles differ between neighbours, but where one opens a task.
        part: ``chosen`` or ``rejected`` of a preference pair; else empty.
        context: The first messages, which are not a target of a training: the prompt of a pair.
        doubt: Remark on how they were read; empty if they are plain.
    """

    messages: tuple[Message, ...]
    part: str = ""
    context: int = 0
    doubt: str = ""


def conversations_of(record: Mapping[str, Any]) -> list[Conversation]:
    """Return the conversations of a record: two of a preference pair, else one.

    Raises:
        RecordError: If it is not one, or a field of it has a wrong type.
    """
    record = _unwrapped(nested(record))
    system = next((record[k] for k in ("system", "system_prompt") if record.get(k)), None)
    front = [] if system is None else [Message("system", text_of(system, "system")[0])]
    container = _container(record)
    if any(isinstance(record.get(a), str) and isinstance(record.get(b), str) for a, b in _ASKED):
        container = None  # its history is a part of the prompt
    if container and isinstance(record[container], list) and record.get("rejected_response"):
        *before, chosen = record[container]  # as ms-swift has pairs
        rejected = record["rejected_response"]
        record = {**record, container: before, "chosen": [chosen], "rejected": rejected}
    shared = _messages(record[container], container, record) if container else _prompt(record)
    doubt = next((message.doubt for message in shared if message.doubt), "")
    if shared and shared[0].role == "agent":
        opening = stated_opening(record)
        before = _prompt({**record, str(container): None})
        shared = [*([Message("user", opening)] if opening else before), *shared]
    elif container and shared and _has_steps(record[container]):
        shared[0] = replace(shared[0], text=stated_opening(record, shared[0].text))
    if container and shared and shared[-1].role == "agent":
        shared = [*shared, *(Message("user", text) for text in last_seen(record))]
    pairs = [(n, n) for n in ("chosen", "rejected") if record.get(n) not in (None, "", [])]
    if not pairs and not (container and any(message.role == "agent" for message in shared)):
        part = "rejected" if record.get("label") is False else ""  # of unpaired preferences
        pairs = [(part, n) for n in _ANSWERS if record.get(n) not in (None, "", [])][:1]
    if not pairs:
        if not shared:
            raise RecordError(
                "no conversations or messages: it has "
                + (", ".join(map(str, list(record)[:8])) or "no field")
            )
        whole, bare = with_bare_actions(joined([*front, *shared]))
        return [Conversation(whole, doubt=doubt or bare)]
    found = []
    for part, field in pairs:
        answer = record[field]
        inner = _container(answer) if isinstance(answer, Mapping) else None
        answer = answer[inner] if inner else answer
        if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], str):
            answer = answer[0]
        prompt = record.get("prompt")
        if isinstance(answer, str) and isinstance(prompt, str) and is_rendered(prompt):
            answer = f"{prompt}{answer}"  # it goes on where the prompt ends
        said = _messages(answer, field, alone="agent")
        begins = [(m.role, m.text) for m in said[: len(shared)]] == [
            (m.role, m.text) for m in shared
        ]
        whole = joined([*front, *([] if begins else shared), *said])
        found.append(Conversation(whole, part, len(joined([*front, *shared]))))
    return found


def _unwrapped(record: Mapping[str, Any], depth: int = 3) -> Mapping[str, Any]:
    """Return the object within a record that has the messages; lists side by side as steps."""
    folded = {str(key).lower(): by_rows(value) for key, value in record.items()}
    folded = {key: _last_of_grown(value) for key, value in folded.items()}
    renamed = {old: new for old, new in _ALIASES.items() if new not in folded}
    folded = {renamed.get(key, key): value for key, value in folded.items()}
    record = from_tool_log(from_openai(folded))
    numbered = [value for key, value in record.items() if NUMBERED.fullmatch(key)]
    numbered = numbered if any(map(is_turn, numbered)) else by_suffix(record)
    if steps := side_by_side(record) or numbered:
        return from_tool_log({**record, "steps": steps})
    if _container(record) or not depth:
        return record
    rest = {k: unpacked(v) for k, v in record.items() if k not in _NO_CONTAINERS}
    inner = {name: value for name, value in rest.items() if isinstance(value, Mapping)}
    within = {name: _unwrapped(value, depth - 1) for name, value in inner.items()}
    told = [
        name
        for name, value in within.items()
        if _container(value) or (value.get("prompt") and value.get("response"))
    ]
    if len(told) > 1 and not set(told) & set(_WRAPPERS):
        raise RecordError(f"several episodes, in {', '.join(told[:8])}: make a record of each")
    for name in sorted(told, key=lambda name: name not in _WRAPPERS)[:1]:
        return {**record, **within[name]}
    return record


def _last_of_grown(value: Any) -> Any:
    """Return the last of chats that each go on with the one before; other values as they are."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(c, list) for c in value):
        return value
    chats = all(chat and all(map(is_message, chat)) for chat in value)
    grown = all(b[: len(a)] == a for a, b in itertools.pairwise(value))
    return value[-1] if chats and grown else value


def _container(record: Mapping[str, Any]) -> str | None:
    """Return the field with the messages; None without one."""
    known = (
        name
        for name in _CONTAINERS
        if _is_conversation(record.get(name))
        or (name in _TEXTS_IN_TURN and _are_texts(record.get(name)))
        or _are_spoken(record.get(name))
        or are_texts_in_turn(record.get(name))
    )
    rest = ((k, v) for k, v in record.items() if k not in _NO_CONTAINERS)
    kinds = (are_turns, from_transitions, _are_spoken, are_texts_in_turn)
    others = (name for name, value in rest if any(kind(value) for kind in kinds))
    logs = (k for k, v in record.items() if k not in _NO_CONTAINERS and _is_log(k, v))
    return next(known, None) or next(others, None) or next(logs, None)


def _is_log(name: str, value: Any) -> bool:
    """Return whether a text is an episode's, and no example by its name."""
    return isinstance(value, str) and not _EXAMPLE.search(name) and len(split_log(value)) > 2


def _is_outcome(item: Any) -> bool:
    """Return whether the last item of a list only says how the episode ended."""
    return isinstance(item, Mapping) and set() < {*map(field_name, item)} <= {*_OUTCOMES}


def _has_steps(value: Any) -> bool:
    """Return whether a list has steps, or pairs of an observation and an action, or a text has."""
    if isinstance(value, str):
        return not is_rendered(value)
    first = value[0] if isinstance(value, list) else None
    if not isinstance(first, list):
        return is_step(first)
    return len(first) == 2 and not is_role(first[0]) and all(isinstance(t, str) for t in first)


def _are_spoken(value: Any) -> bool:
    """Return whether a value is a list of texts that each begin with their speaker."""
    marks = [_SPOKEN.match(text) for text in value] if _are_texts(value) else []
    return bool(marks) and all(mark and is_role(mark[1]) for mark in marks)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(m, str) for m in value)


def _is_conversation(value: Any) -> bool:
    if isinstance(value, str):
        value = decoded(value)
        return (isinstance(value, str) and bool(split_log(value))) or _is_conversation_list(value)
    return _is_conversation_list(value)


def _is_conversation_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict | list)


def _one_call_each(items: list[Any]) -> Iterator[tuple[int, Any]]:
    """Yield (number, item); several calls of a message, all answered, as a message for each."""
    number = 0
    while number < len(items):
        item = items[number]
        given = item.get("tool_calls") if isinstance(item, Mapping) else None
        calls = given if isinstance(given, list) and len(given) > 1 else []
        answers = items[number + 1 : number + 1 + len(calls)]
        answered = len(answers) == len(calls) and all(
            isinstance(answer, Mapping) and answer.get("role") == "tool" for answer in answers
        )
        if not calls or not answered:
            yield number, item
            number += 1
            continue
        ids = [call.get("id") if isinstance(call, Mapping) else None for call in calls]
        by_id = {str(answer.get("tool_call_id")): answer for answer in answers}
        if {str(one) for one in ids} == set(by_id) and len(by_id) == len(calls):
            answers = [by_id[str(one)] for one in ids]
        later = {key: value for key, value in item.items() if key in _KEPT_OF_CALLS}
        for n, (call, answer) in enumerate(zip(calls, answers, strict=True)):
            said = item if n == 0 else {**later, "content": ""}
            yield number, {**said, "tool_calls": [call]}
            yield number + 1 + n, answer
        number += 1 + len(calls)


def _prompt(record: Mapping[str, Any]) -> list[Message]:
    """Return the messages before a completion: ``prompt``, or Alpaca's instruction and history."""
    messages = _messages(record["history"], "history") if record.get("history") else []
    prompt = record.get("prompt")
    if isinstance(prompt, str | list) and prompt:
        messages += _messages(prompt, "prompt", alone="user")
    query = record.get("query")
    if isinstance(query, str):
        messages.append(Message("user", query))
    instruction = record.get("instruction")
    if isinstance(instruction, str) and isinstance(record.get("output"), str):
        given = record.get("input")
        said = f"{instruction}\n{given}" if isinstance(given, str) and given else instruction
        messages.append(Message("user", said))
    return messages


def _messages(
    value: Any,
    where: str,
    record: Mapping[str, Any] = MappingProxyType({}),
    alone: Role | None = None,
) -> list[Message]:
    """Return the messages of a field: a list, JSON of one, a log, or one text of `alone`."""
    if isinstance(value, str):
        value = decoded(value)
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
    if alone is None and _are_texts(value):
        named = [_SPOKEN.match(text) for text in value]
        if _are_spoken(value):
            value = [[mark[1], mark[2]] for mark in named if mark]
    if alone is None and _are_texts(value):
        sides: tuple[Role, Role] = ("user", "agent")  # texts in turn
        return [Message(sides[n % 2], text, first=n) for n, text in enumerate(value)]
    if value and _is_outcome(value[-1]):
        value = value[:-1]
    messages: list[Message] = []
    items, doubt = in_order(spoken(turns_within(in_time(value))), record)
    for number, item in _one_call_each(as_messages(items)):
        try:
            found = read_message(item)
        except RecordError as error:
            raise RecordError(f"{where}[{number}]{error}") from None
        if messages and found and not is_message(item) and acts_again(messages[-1], found[0]):
            raise RecordError(f"{where}[{number}] acts, but nothing was seen after the last action")
        messages += [replace(message, first=number, doubt=doubt) for message in found]
    return messages
