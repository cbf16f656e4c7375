"""Turns that are only the line of an action, without a label, in whole conversations of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.message import Message, action_of
from tratree.trajectory.turn_parsing import outside_thoughts, parse_turn

BARE = "trajectories whose turns have no label and were read as actions"
"""The remark on a conversation that was read so."""

_COMMAND = re.compile(r"[a-z][\w-]*(?: [\w/,'&().-]+){0,14}(?<![.,])|\w+[\[(].{0,200}[\])]")
"""A line as agents write actions: a verb in small letters and its objects, or a call."""


def with_bare_actions(messages: Sequence[Message]) -> tuple[tuple[Message, ...], str]:
    """Return messages whose lines are actions where no turn has a label, and a remark.

    So are conversations that state a goal, if most of their turns are lines that can be commands:
    a polite answer and prose stay what they are.
    """
    agents = [message for message in messages if message.role == "agent"]
    goal = any(stated_goal(message.text) for message in messages if message.role != "agent")
    lines = {id(m): outside_thoughts(m.text).strip() for m in agents}
    bare = {key: line for key, line in lines.items() if _COMMAND.fullmatch(line)}
    if not goal or any(map(action_of, agents)) or 2 * len(bare) <= len(agents):
        return tuple(messages), ""
    return tuple(
        replace(m, text=m.text.removesuffix(bare[id(m)]).rstrip(), action=bare[id(m)])
        if id(m) in bare
        else m
        for m in messages
    ), BARE


def are_texts_in_turn(value: Any) -> bool:
    """Return whether a value is a list of texts, in turn what was seen and an action."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(t, str) for t in value):
        return False
    acts = [bool(parse_turn(text)[1] or _COMMAND.fullmatch(text.strip())) for text in value]
    return all(acts[1::2]) and not any(acts[::2])
