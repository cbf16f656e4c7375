"""Names of its task in a record, in whatever field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.step_fields import is_step
from tratree.trajectory.reading.values import unpacked
from tratree.trajectory.types import short
from tratree.trajectory.words import words

HELD_OUT_SPLITS = frozenset(
    words(
        "test dev val valid validation eval evaluation valid_seen valid_unseen test_seen "
        "test_unseen eval_in_distribution eval_out_of_distribution held_out heldout"
    )
)
"""Names of splits that nobody trains on."""

_HELD_OUT = frozenset(words("test dev val valid validation eval evaluation unseen heldout held"))
"""Words in the names of such splits."""

_FIRST = words("item_id game_file gamefile extra.gamefile id task_id")
"""Fields that name a trajectory here, the likeliest first."""

_OTHERS = words(
    "taskid task task_name taskname task_idx trial trial_id trial_name game game_id game_name path "
    "file filename file_name problem session session_id idx index uid uuid name env_id data_idx "
    "goal_idx goal_id goal_index instance_id example_id sample_id question_id problem_id env_idx "
    "url data_id file_path filepath game_path task_file error"
)
"""Other fields that may name its task. ETO's rollouts have the game's file in ``meta.error``."""

_OF_A_TURN = frozenset(
    words(
        "item_id game_file gamefile task_id taskid task_idx goal_idx goal_id goal_index data_idx "
        "env_idx game_id problem_id session_id"
    )
)
"""Fields of a turn whose number names the task: in others it may count turns."""

_NUMBERED = re.compile(r"\d\d?[-.]\d\d?_\d+")
"""A name without a letter that nothing else has: ``1-1_21``."""

_TASK = re.compile(r"(?:sub_?)?task_?(?:name|type|idx|id|num|number|no|index|key|code)?|name")
_VARIATION = re.compile(r"(?:task_?)?var(?:iation)?(?:_?(?:idx|id|num|number|index))?")
_SPLIT = re.compile(r"split|set\b|fold|mode\b|partition|phase")
_DATASET = re.compile(r"set\Z")
_PATH = re.compile(r"trial|\.tw-pddl|traj_data|valid[-_ ]?(?:un)?seen|distribution", re.IGNORECASE)
_DEEPEST = 8
_TURN = "[]"
_SAID = frozenset(
    words(
        "role from content value text observation obs next_observation next_obs action thought "
        "response output input prompt reasoning_content tool_calls tool_call_id function_call type"
    )
)
"""Fields of a turn that name nothing."""


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
    for field in ("id", "item_id"):
        name = record.get(field)
        named = isinstance(name, str | None) or _is_whole(name) or name in ([], {})
        if not named:
            raise RecordError(f"{field} is {short(name)}, not a name or a whole number")
    told = [(field.lower(), value) for field, value in leaves if _TURN not in field]
    last = [(field.rpartition(".")[2], value) for field, value in told]
    first = [v for name in _FIRST for field, v in (*last, *told) if field == name]
    others = [value for field, value in last if field in _FIRST + _OTHERS]
    spoken = [value for _, value in told if len(value) < 80 and any(map(str.isalpha, value))]
    joined = [
        f"{task}_{variation}"
        for task in [*(v for t in filter(_TASK.fullmatch, by_field) for v in by_field[t]), *spoken]
        for v in filter(_VARIATION.fullmatch, by_field)
        for variation in by_field[v]
    ]
    paths = [value for _, value in leaves if _PATH.search(value)]
    turns = [
        v
        for field, v in leaves
        if _TURN in field and field.rpartition(".")[2].lower() in _OF_A_TURN
    ]
    return list(dict.fromkeys([*first, *others, *joined, *paths, *turns, *([alone] * bool(alone))]))


def texts_of(record: Mapping[str, Any]) -> set[str]:
    """Return every short text of a record, whatever its field: one may name its task."""
    texts = {text for _, text in _leaves(record, frozenset(), "", 0)}
    return {text for text in texts if any(map(str.isalpha, text)) or _NUMBERED.fullmatch(text)}


def splits_of(record: Mapping[str, Any]) -> set[str]:
    """Return the splits that a record says it is of, in small letters, wherever it says so.

    One whose words are those of a held-out split is ``test``: ``val_unseen``, ``test-mini``.
    """
    splits = set()
    for field, value in _leaves(record, frozenset(), "", 0):
        name = field.rpartition(".")[2].lower()
        if _SPLIT.search(name):
            said = set(re.findall("[a-z]+", value.lower()))
            held_out = said & _HELD_OUT and "train" not in said and not _DATASET.search(name)
            splits.add("test" if held_out else value.strip().lower())
    return splits


def _leaves(
    value: Any, left_out: frozenset[str], where: str, depth: int
) -> Iterator[tuple[str, str]]:
    """Yield (field, text) of the facts of a record; of turns those beside what was said.

    A field within a turn has `_TURN` in its name. Facts are those of the first and the last one.
    """
    value = unpacked(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        said = _SAID if where.endswith(_TURN) else left_out
        for key, inner in value.items():
            if key not in said or isinstance(inner, Mapping | list):
                field = f"{where}.{key}" if where else str(key)
                turns = not depth and key in left_out and isinstance(inner, list)
                yield from _leaves(
                    inner, frozenset(), f"{field}{_TURN}" if turns else field, depth + 1
                )
            if _PATH.search(str(key)):
                yield where, str(key)
    elif isinstance(value, list) and depth < _DEEPEST:
        if any(is_message(item) or is_step(item) for item in value[:2]):
            where += _TURN * (not where.endswith(_TURN))
        elif len(value) == 2 and isinstance(value[0], str) and _is_whole(value[1]):
            yield f"{where}.task", f"task_{value[0]}_{int(value[1])}"  # and its variation
        few = len(value) <= _most(value) and not where.endswith(_TURN)
        for inner in value if few else (value[0], value[-1]) if value else ():
            yield from _leaves(inner, left_out, where, depth + 1)
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
