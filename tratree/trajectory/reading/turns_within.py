"""Turns in objects that programs put around them, as one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.events import is_event, is_intermediate_step
from tratree.trajectory.reading.parts import is_typed
from tratree.trajectory.reading.roles import ROLES, SIDES, is_message
from tratree.trajectory.reading.step_fields import is_asked_and_said, is_step, sides_of
from tratree.trajectory.reading.steps import side_by_side

_DEEPEST = 4


def is_turn(value: Any) -> bool:
    """Return whether a value is a turn: something said, done or seen, or both of a step."""
    return any(kind(value) for kind in _KINDS)


def _has_sides(value: Any) -> bool:
    """Return whether an object has what the user said and what the agent did, under their names."""
    if not isinstance(value, Mapping):
        return False
    said = {ROLES[name] for name in SIDES if isinstance(value.get(name), str)}
    return {"user", "agent"} <= said


def _is_of_langchain(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    told = value.get("type") in ("human", "ai", "system", "tool", "function", "chat")
    return "lc" in value or (told and not value.keys().isdisjoint(("content", "data")))


def are_turns(value: Any) -> bool:
    """Return whether a value is a list of turns; its first and last item may have other fields.

    What was done and what was seen may be items of their own.
    """
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return False
    items = turns_within(value)
    sides = [sides_of(item) for item in items]
    turns = [is_turn(item) or bool(s) for item, s in zip(items, sides, strict=True)]
    in_turn = {"done", "seen"} <= set().union(*sides) and len(items) > 1
    return all(turns[1:-1]) and (in_turn or any(map(is_turn, items)))


def turns_within(items: list[Any]) -> list[Any]:
    """Return the turns in objects that are none themselves; items without any as they are."""
    return [turn for item in items for turn in _turns(item, _DEEPEST) or [item]]


def _turns(item: Any, depth: int) -> list[Any]:
    if is_turn(item) or not depth:
        return [item] if is_turn(item) else []
    if isinstance(item, Mapping) and (steps := side_by_side(item)):
        return steps
    inner = item.values() if isinstance(item, Mapping) else item if isinstance(item, list) else ()
    held = [value for value in inner if isinstance(value, Mapping | list)]
    if any(map(_is_episode, held)):
        return []
    return [turn for value in held for turn in _turns(value, depth - 1)]


def _is_episode(value: Any) -> bool:
    """Return whether a value is a list of both sides' messages, or of steps: no part of another."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    told = {ROLES.get(str(item.get("role"))) for item in value if isinstance(item, Mapping)}
    return {"user", "agent"} <= told or all(map(is_step, value))


_KINDS = (
    is_message,
    is_step,
    is_event,
    is_intermediate_step,
    is_typed,
    is_asked_and_said,
    _is_of_langchain,
    _has_sides,
)
