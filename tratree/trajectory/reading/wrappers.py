"""Objects that only wrap records: lists under a name, records by their ids, columns of a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from tratree.trajectory.reading.logs import split_log
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.rows import whole_records
from tratree.trajectory.reading.step_fields import acts, is_asked_and_said, is_step, sides_of
from tratree.trajectory.words import words

_LISTS = words(
    "data trajectories trajs records episodes rollouts examples samples items rows instances "
    "results outputs logs"
)
_COLUMNS = words("messages conversations trajectory steps observations obs states actions")
_PARTS = words("subtasks sub_tasks subgoals sub_goals segments phases stages")
"""Fields with the parts of one episode."""

_DONE = words("actions action act acts")
_ENDS = words("terminals terminations terminated dones done timeouts truncations truncated")
_OF_A_RECORD = frozenset(
    words(
        "messages conversations conversation dialogue dialog history trajectory traj turns chat "
        "steps content contents prompt chosen rejected completion response request body input "
        "output data episode sample record example item task tools observations actions tratree "
        "request_body response_body inputs outputs params"
    )
)
"""Fields that records have: an object with one of them is no collection of records by name."""

_OF_ALL = words(
    "env environment env_name environment_name benchmark dataset data_source domain source "
    "split subset model version"
)
"""Fields of a wrapper that count for each of its records."""


def unwrapped(value: Any) -> Iterator[Any]:
    """Yield the records that an object is only a wrapper of, or the object.

    Where a record has none itself, its environment, split or model is the wrapper's, its ``id`` the
    key of it among others, its ``split`` the key of its list. See `_records_within`.
    """
    if not isinstance(value, dict) or not value:
        yield value
        return
    for name in _PARTS:
        if isinstance(parts := value.get(name), list) and parts and all(map(_has_episode, parts)):
            yield {**value, "steps": [step for part in parts for step in _steps_of(part)]}
            return
    if all(map(str.isdecimal, map(str, value))):
        episodes = whole_records(list(value.values()))
        if 1 < len(episodes) < len(value):  # it is a table by its rows' numbers
            yield from episodes
            return
    name = _records_field(value)
    if name:
        yield from _records_within(value, name)
        return
    if (rows := _of_pandas(value)) is not None:
        yield from rows
        return
    if _is_node(value):
        named = {k: v for k, v in value.items() if k != "children" and not sides_of({k: v})}
        facts = {k: v for k, v in named.items() if k.endswith("id") or not sides_of(value)}
        yield from ({**facts, "steps": path} for path in _paths(value))
        return
    if parts := _ended(value):
        yield from parts
        return
    columns = [value[name] for name in _COLUMNS if isinstance(value.get(name), list)]
    lists = [c for c in columns if c and all(map(_is_conversation, c))]
    texts = [c for c in columns if c and all(map(_are_texts, c))]
    if lists or len(texts) > 1:
        yield from _rows(value, len((lists or texts)[0]))
        return
    if all(_is_named(key, inner) for key, inner in value.items()):
        for key, inner in value.items():
            yield from _named(str(key), inner)
        return
    yield value


def _of_pandas(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows of a table in the arrangements ``split`` and ``columns`` of pandas."""
    names = next((value[n] for n in ("columns", "fields", "header") if n in value), None)
    rows = value.get("data", value.get("rows"))
    if isinstance(names, list) and isinstance(rows, list):
        if not rows or not all(isinstance(r, list) and len(r) == len(names) for r in rows):
            return None
        told = [dict(zip(map(str, names), row, strict=True)) for row in rows]
        facts = {k: v for k, v in value.items() if v is not names and v is not rows}
        return [{**facts, "steps": told}] if facts and all(map(acts, told)) else told
    columns = [column for column in value.values() if isinstance(column, dict) and column]
    if len(columns) < len(value) or any(column.keys() != columns[0].keys() for column in columns):
        return None
    if not any(all(map(_is_conversation, column.values())) for column in columns):
        return None
    return [{name: column[key] for name, column in value.items()} for key in columns[0]]


def _ended(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the episodes of columns of steps that say where each ends; nothing if one does."""
    done = next((v for k in _DONE if isinstance(v := columns.get(k), list)), [])
    whole = {k: v for k, v in columns.items() if isinstance(v, list) and len(v) == len(done)}
    told = [whole[name] for name in _ENDS if name in whole]
    ends = [n for n in range(len(done)) if any(column[n] for column in told)]
    if not ends or len(whole) < 3 or ends[0] == len(done) - 1:
        return []
    borders = [0, *(n + 1 for n in ends), len(done)]
    return [
        {**columns, **{k: v[a:b] for k, v in whole.items()}}
        for a, b in itertools.pairwise(dict.fromkeys(borders))
    ]


def _is_node(value: Any) -> bool:
    """Return whether an object is a node of a tree of steps."""
    inner = value.get("children") if isinstance(value, dict) else None
    return isinstance(inner, list) and bool(inner) and all(sides_of(child) for child in inner)


def _paths(node: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the steps from a node to each of its leaves."""
    own = [{k: v for k, v in node.items() if k != "children"}] if sides_of(node) else []
    inner = node.get("children")
    if not isinstance(inner, list) or not inner:
        yield own
        return
    for child in inner:
        yield from ([*own, *path] for path in (_paths(child) if isinstance(child, dict) else ()))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _is_conversation(value: Any) -> bool:
    parts = isinstance(value, list) and all(is_message(i) or is_step(i) for i in value)
    return parts and bool(value)


def _records_field(value: dict[str, Any]) -> str:
    """Return the field of a wrapper that lists its records; empty if it is none."""
    for name in _LISTS:
        inner = value.get(name)
        by_id = isinstance(inner, dict) and bool(inner) and all(map(_has_episode, inner.values()))
        if (_are_records(inner) or by_id) and not (_OF_A_RECORD - {name}) & set(value):
            return name
    return _episodes(value)


def _records_within(value: dict[str, Any], name: str) -> Iterator[Any]:
    """Yield the records of a wrapper.

    What it says beside them is in their field ``wrapper``, as its outcome is not that of each. Of a
    single one it is the record's own.
    """
    shared = {k: v for k, v in value.items() if k in _OF_ALL and isinstance(v, str)}
    if name not in _LISTS:
        shared = {"split": name, **shared}
    facts = {
        k: v
        for k, v in value.items()
        if k != name and k not in shared and not isinstance(v, list | None)
    }
    items = value[name]
    if isinstance(items, dict):
        items = [{"id": key, **item} for key, item in items.items()]
    for item in items:
        record = item.get("row", item) if isinstance(item, dict) else item
        if not isinstance(record, dict):
            yield record
        elif len(items) == 1:
            yield {**facts, **shared, **record}
        else:
            yield {**shared, **record, **({"wrapper": facts} if facts else {})}


def _episodes(value: dict[str, Any]) -> str:
    """Return the one field of an object that lists records, where it has no episode itself."""
    if _has_episode(value):
        return ""
    lists = [
        key
        for key, inner in value.items()
        if isinstance(inner, list) and inner and all(map(_has_episode, inner))
        if not all(map(is_asked_and_said, inner))  # requests of one episode
    ]
    return lists[0] if len(lists) == 1 else ""


def _steps_of(value: Any) -> list[Any]:
    """Return the first list of messages or steps in an object."""
    inner = value.values() if isinstance(value, dict) else ()
    return next(filter(_is_conversation, inner), [])


def _has_episode(value: Any) -> bool:
    return bool(_steps_of(value))


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_looks_like_record, value))


def _looks_like_record(value: Any) -> bool:
    inner = isinstance(value, dict) and any(isinstance(v, list | dict) for v in value.values())
    return inner and not is_message(value)


def _is_named(key: Any, value: Any) -> bool:
    if str(key).isdecimal():
        return _looks_like_record(value) or _is_conversation(value)
    if key in _OF_A_RECORD:
        return False
    if isinstance(value, dict):
        named = any(map(_is_conversation, value.values())) or _wraps(value)
        named = named or (bool(value) and all(_is_named(k, v) for k, v in value.items()))
        return named or bool(_episodes(value))
    if isinstance(value, str):
        return bool(key) and {role for role, _ in split_log(value)} >= {"user", "assistant"}
    if _are_logs(value):
        return bool(key)
    return _is_conversation(value) or (_are_records(value) and all(_is_named("", v) for v in value))


def _are_logs(value: Any) -> bool:
    return isinstance(value, list) and _are_texts(value) and all(_is_named("log", v) for v in value)


def _wraps(value: Mapping[str, Any]) -> bool:
    """Return whether an object is a list of records under a name, as those of a split may be."""
    return not _OF_A_RECORD & set(value) - set(_LISTS) and any(
        _are_records(value.get(name)) for name in _LISTS
    )


def _named(key: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and not key.isdecimal() and _wraps(value):
        yield from unwrapped({"split": key, **value})
    elif isinstance(value, dict) and all(map(_are_logs, value.values())):
        for name, logs in value.items():
            yield from _named(name, logs)
    elif isinstance(value, dict):
        yield from ({"id": key, **record} for record in unwrapped(value))
    elif _is_conversation(value):
        yield {"id": key, "messages": value}
    elif isinstance(value, str) or _are_logs(value):
        for text in [value] if isinstance(value, str) else value:
            yield {"id": key, "text": text}
    else:
        yield from ({"split": key, **record} for record in value)


def _rows(columns: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            name: column[n] if isinstance(column, list) and len(column) == count else column
            for name, column in columns.items()
        }
