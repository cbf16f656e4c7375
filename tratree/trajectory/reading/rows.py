"""Rows of a file that are only parts of records: messages, events or steps, one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.events import is_event
from tratree.trajectory.reading.parts import is_typed
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.step_fields import acts, is_step
from tratree.trajectory.reading.values import field_name
from tratree.trajectory.words import words

_EPISODES = words(
    "episode episode_id episode_idx ep trajectory_id traj_id traj_idx rollout_id conversation_id "
    "conv_id dialogue_id session_id game_id run_id run trial trial_id sample sample_id env_id "
    "attempt seed task_id id"
)
"""Fields of a row that tell its episode, if they repeat: those of a message do not."""

_ENDS = words("done terminated truncated terminal is_last is_terminal finished episode_done")
_NUMBERS = words("step step_id step_idx step_num timestep t turn turn_id turn_idx")


def whole_records(values: Sequence[Any]) -> list[Any]:
    """Return the records that are made of parts, in the order of their first ones; or `values`."""
    values = [_within(value) for value in values]
    kinds = (("messages", _is_said), ("messages", is_event), ("steps", acts), ("steps", _is_turn))
    for field, is_part in kinds:
        parts = [value for value in values if is_part(value)]
        others = [value for value in values if not is_part(value)]
        if len(parts) > 1 and not any(map(_is_whole, others)):
            whole = _joined(parts, field)
            if others and len(whole) == 1:  # what else is logged of the episode, such as its score
                return [{k: v for part in (*others, *whole) for k, v in part.items()}]
            return [*others, *whole]
    return list(values)


def _within(value: Any) -> Any:
    """Return the message in a row that only wraps it; others as they are."""
    inner = [value.get(n) for n in ("item", "payload")] if isinstance(value, Mapping) else []
    return next(filter(_is_said, inner), value)


def _is_said(value: Any) -> bool:
    return is_message(value) or is_typed(value)


def _is_turn(value: Any) -> bool:
    """Return whether a row is a prompt and its answer, numbered in a conversation."""
    if not is_step(value):
        return False
    names = {field_name(key) for key in value}
    return bool(names & {*_EPISODES[:9]} and names & {*_NUMBERS})


def _joined(values: Sequence[Any], field: str) -> list[Any]:
    """Return the records of rows, which have their rows in a field."""
    folded = [{field_name(key): inner for key, inner in value.items()} for value in values]
    names = [name for name in _EPISODES if _repeats([row.get(name) for row in folded])]
    episodes: dict[tuple[Any, ...], list[list[Any]]] = {}
    for value, row in _in_order(values, folded, names):
        parts = episodes.setdefault(tuple(row[name] for name in names), [[]])
        if parts[-1] and _begins(value, parts[-1][-1]):
            parts.append([])
        parts[-1].append(value)
    return [
        {**_named(names, named), field: part} for named, parts in episodes.items() for part in parts
    ]


def _in_order(
    values: Sequence[Any], folded: list[dict[str, Any]], names: list[str]
) -> list[tuple[Any, dict[str, Any]]]:
    """Return rows in the order of their numbers, where each episode has each number once."""
    rows = list(zip(values, folded, strict=True))
    for number in _NUMBERS:
        told = [row.get(number) for row in folded]
        once = {str([row.get(name) for name in (*names, number)]) for row in folded}
        if names and len(once) == len(rows) and all(str(n).isdecimal() for n in told):
            return sorted(rows, key=lambda row: int(row[1][number]))
    return rows


def _is_whole(value: Any) -> bool:
    """Return whether a row that is no part of an episode may be a record of its own."""
    return not isinstance(value, Mapping) or any(isinstance(v, list) for v in value.values())


def _named(names: Sequence[str], told: Sequence[Any]) -> dict[str, Any]:
    """Return the fields that name an episode; the first text is its ``id``, too."""
    text = [name for name in told if isinstance(name, str)][:1]
    return {**({"id": text[0]} if text else {}), **dict(zip(names, told, strict=True))}


def _repeats(told: list[Any]) -> bool:
    return all(isinstance(name, str | int) for name in told) and len(set(told)) < len(told)


def _begins(value: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether an episode begins: the one before has ended, or steps are counted anew."""
    if any(str(before.get(name)).lower() in ("true", "1") for name in _ENDS):
        return True
    counts = [[str(row.get(name)) for row in (before, value)] for name in _NUMBERS]
    return any(all(map(str.isdecimal, two)) and int(two[1]) < int(two[0]) for two in counts)
