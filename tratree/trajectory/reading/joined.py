"""Messages of one side after each other, as one; thoughts in the place of actions, as thoughts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.message import Message, action_of

_NOTED = frozenset(("OK.", "OK", ""))
_THINK = re.compile(r"(?:>\s*)?think\s*(?::|\[)\s*(.*?)\]?\s*", re.IGNORECASE | re.DOTALL)
"""A thought in the place of an action, and what ReAct's environments answer."""


def acts_again(last: Message, message: Message) -> bool:
    """Return whether two steps act after each other: a field of what was seen is not known."""
    agents = last.role == message.role == "agent"
    return agents and bool(action_of(last) and action_of(message)) and _thought(last) is None


def _opens_task(last: Message, message: Message) -> bool:
    """Return whether a message of the user's side opens a task after rules or an example."""
    return message.role == "user" and bool(stated_goal(message.text)) and not stated_goal(last.text)


def _with_thoughts(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield messages without ``think: ...`` as an action and ``OK.`` as its answer.

    ReAct's agents think so; it is a thought of the next turn.
    """
    thoughts: list[Message] = []
    for message, following in zip(messages, [*messages[1:], None], strict=False):
        if thoughts and message.role == "user" and message.text.strip() in _NOTED:
            continue
        noted = following and (following.role == "agent" or following.text.strip() in _NOTED)
        thought = _thought(message) if noted else None
        if thought is not None:
            thoughts.append(replace(message, text=f"<think>{thought}</think>", action=None))
            continue
        yield from thoughts
        thoughts = []
        yield message
    yield from thoughts


def _thought(message: Message) -> str | None:
    if message.role != "agent":
        return None
    said = _THINK.fullmatch(action_of(message) or message.text.strip())
    return said[1].strip() if said else None


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join neighbours of one side: a thought and its call, an observation and a reminder."""
    whole: list[Message] = []
    for message in _with_thoughts(messages):
        last = whole[-1] if whole else None
        if last is None or last.role != message.role or _opens_task(last, message):
            whole.append(message)
            continue
        losses = {last.loss, message.loss} - {None}
        text = "\n".join(part for part in (last.text, message.text) if part)
        if last.role == "user" and last.text == message.text:
            text = last.text  # a step's next observation, and the following step's observation
        whole[-1] = replace(
            last,
            text=text,
            loss=None if not losses else True in losses,
            action=last.action if message.action is None else message.action,
            reward=last.reward if message.reward is None else message.reward,
        )
    return tuple(whole)
