"""Names of its task in a record, in whatever field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tratree.trajectory.reading.record_error import RecordError, short
from tratree.trajectory.reading.values import unpacked
from tratree.trajectory.words import words

HELD_OUT_SPLITS = frozenset(
    words(
        "test dev val valid validation eval evaluation valid_seen valid_unseen test_seen "
        "test_unseen eval_in_distribution eval_out_of_distribution held_out heldout"
    )
)
"""Names of splits that nobody trains on."""

_FIRST = words("item_id game_file gamefile extra.gamefile id task_id")
"""Fields that name a trajectory here, the likeliest first."""

_OTHERS = words(
    "taskid task task_name taskname task_idx trial trial_id trial_name game game_id game_name path "
    "file filename file_name problem session session_id idx index uid uuid name env_id data_idx "
    "goal_idx goal_id goal_index instance_id example_id sample_id question_id problem_id env_idx "
    "url data_id file_path filepath game_path task_file error"
)
"""Other fields that may name its task. ETO's rollouts have the game's file in ``meta.error``."""

_TASKS = words(
    "task_name taskname task sub_task sub_task_name task_type name task_id task_idx taskidx"
)
_VARIATION = re.compile(r"(?:task_?)?var(?:iation)?(?:_?(?:idx|id|num|number|index))?")
_SPLIT = re.compile(r"split|set\b|fold|mode\b|partition|phase")
_PATH = re.compile(r"trial|\.tw-pddl|traj_data|valid[-_ ]?(?:un)?seen|distribution", re.IGNORECASE)
_DEEPEST = 8


def names_of(
    record: Mapping[str, Any], conversation_fields: frozenset[str], alone: str
) -> list[str]:
    """Return the names of a record, the one that it is called by first; none twice.

    Args:
        record: The record.
        conversation_fields: Fields that hold messages: they name nothing.
        alone: The name of its file, if the file has this record only.

    Raises:
        RecordError: If the field of its id holds no text and no number.
    """
    leaves = list(_leaves(record, conversation_fields, "", 0))
    by_field: dict[str, list[str]] = {}
    for field, value in leaves:
        by_field.setdefault(field.rpartition(".")[2].lower(), []).append(value)
        by_field.setdefault(field.lower(), []).append(value)
    for field in ("id", "item_id"):
        name = record.get(field)
        named = isinstance(name, str | None) or _is_whole(name) or name in ([], {})
        if not named:
            raise RecordError(f"{field} is {short(name)}, not a name or a whole number")
    first = [value for field in _FIRST for value in by_field.get(field, [])]
    others = [v for f, v in leaves if f.rpartition(".")[2].lower() in _FIRST + _OTHERS]
    spoken = [value for _, value in leaves if len(value) < 80 and any(map(str.isalpha, value))]
    joined = [
        f"{task}_{variation}"
        for task in [*(v for t in _TASKS for v in by_field.get(t, [])), *spoken]
        for v in filter(_VARIATION.fullmatch, by_field)
        for variation in by_field[v]
    ]
    paths = [value for _, value in leaves if _PATH.search(value)]
    return list(dict.fromkeys([*first, *others, *joined, *paths, *([alone] if alone else [])]))


def texts_of(record: Mapping[str, Any]) -> set[str]:
    """Return every short text of a record, whatever its field: one may name its task."""
    texts = {text for _, text in _leaves(record, frozenset(), "", 0)}
    return {text for text in texts if any(map(str.isalpha, text))}


def splits_of(record: Mapping[str, Any]) -> set[str]:
    """Return the splits that a record says it is of, in small letters, wherever it says so."""
    return {
        value.strip().lower()
        for field, value in _leaves(record, frozenset(), "", 0)
        if _SPLIT.search(field.rpartition(".")[2].lower())
    }


def _leaves(
    value: Any, left_out: frozenset[str], where: str, depth: int
) -> Iterator[tuple[str, str]]:
    value = unpacked(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            if depth or key not in left_out or isinstance(inner, Mapping):
                yield from _leaves(
                    inner, left_out, f"{where}.{key}" if where else str(key), depth + 1
                )
    elif isinstance(value, list) and depth < _DEEPEST and len(value) <= _most(value):
        for inner in value:
            yield from _leaves(inner, left_out, where, depth + 1)
        if len(value) == 2 and isinstance(value[0], str) and _is_whole(value[1]):
            yield where, f"{value[0]}_{int(value[1])}"  # a task and its variation
    elif isinstance(value, str) and 0 < len(value) < 500:
        yield where, value
    elif _is_whole(value):
        yield where, str(int(value))


def _most(items: list[Any]) -> int:
    """Return the most items of a list that are read: more of them if they are texts."""
    return 50 if all(isinstance(item, str) for item in items) else 3


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; tables have them as 3.0."""
    whole = isinstance(value, float) and value.is_integer()
    return whole or (isinstance(value, int) and not isinstance(value, bool))
