"""A record as trajectories: the one reader of what other programs publish."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.reading.beginning import episode_begins, opening_of
from tratree.trajectory.reading.environment import environment_of
from tratree.trajectory.reading.messages import Conversation, conversations_of
from tratree.trajectory.reading.names import names_of
from tratree.trajectory.reading.observed import observed
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.score import read_outcome
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.types import Step, Task, Trajectory, short
from tratree.trajectory.words import words

OWN = "tratree"
"""The field of a record that holds the trajectory which it was written from."""

_MESSAGES = frozenset(
    words(
        "conversations conversation messages dialogue dialog history trajectory traj turns "
        "chat steps content text transcript log prompt chosen rejected completion response "
        "output instruction instructions input system system_prompt tools items request body"
    )
)
_DEEPEST = 50
_KEPT: Mapping[str, type] = {
    "record": dict,
    "names": list,
    "front": int,
    "part": str,
    "environment": str,
    "doubt": str,
}
"""Fields that `Trajectory.record` holds of an imported trajectory."""


def read_record(record: Any, environment: str | None = None, alone: str = "") -> list[Trajectory]:
    """Return the trajectories that a record tells: two of a preference pair, else one.

    ``record`` of each holds the record as it is, ``names`` that it gives to its task, ``front``,
    the number of messages before the episode, the ``part`` of a pair, the ``environment``, and a
    ``doubt`` about the outcome.

    Args:
        record: Record of a file.
        environment: Its environment, where the record itself does not name it.
        alone: The name of its file, if that holds nothing else.

    Raises:
        RecordError: The reason why it can't be read; it names the field.
    """
    if isinstance(record, list) and record and all(isinstance(m, Mapping) for m in record):
        record = {"messages": record}
    if not isinstance(record, Mapping):
        raise RecordError(f"it is {short(record)}, not an object")
    if _is_deep(record):
        raise RecordError(f"it is nested more than {_DEEPEST} deep")
    try:
        json.dumps(record, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RecordError("it holds what JSON cannot: text that is not UTF-8") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"it holds what JSON cannot ({type(error).__name__}: {error})") from None
    if "first_observation" in record and "task" in record and "steps" in record:
        return [_own(record)]
    own = record.get(OWN)
    if isinstance(own, Mapping) and "trajectory" in own:
        return [_written_here(record, own)]
    names = names_of(record, _MESSAGES, alone)
    conversations = conversations_of(record)
    texts = [m.text for m in conversations[0].messages if m.role == "user"]
    known = environment_of(record, names, texts) or environment
    return [_trajectory(record, names, found, known) for found in conversations]


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        inner = [
            v.values() if isinstance(v, Mapping) else v
            for v in level
            if isinstance(v, Mapping | list)
        ]
        level = [item for items in inner for item in items]
        if not level:
            return False
    return True


def _own(data: Any) -> Trajectory:
    try:
        trajectory = Trajectory.from_json(data)
    except ValueError as error:
        raise RecordError(str(error)) from None
    for name, value in trajectory.record.items():
        if not isinstance(value, _KEPT.get(name, object)):
            raise RecordError(f"record.{name} is {short(value)}")
    if not all(isinstance(name, str) for name in trajectory.record.get("names", ())):
        raise RecordError("record.names holds what is no text")
    return trajectory


def messages_digest(messages: Any) -> str:
    """Return a digest of a record's messages, which tells whether somebody edited them."""
    return sha256(canonical_json(messages).encode()).hexdigest()


def _written_here(record: Mapping[str, Any], own: Mapping[str, Any]) -> Trajectory:
    """Return the trajectory that a record was written from; of edited messages, what they say."""
    written = _own(own["trajectory"])
    if any(
        messages_digest(record.get(n)) == own.get("digest") for n in ("conversations", "messages")
    ):
        return written
    told = _trajectory(record, [written.task.task_id], conversations_of(record)[0], None)
    steps = tuple(
        was if was is not None and _texts(was) == _texts(step) else step
        for was, step in zip_longest(written.steps, told.steps)
        if step is not None
    )
    return replace(written, first_observation=told.first_observation, steps=steps)


def _texts(step: Step) -> tuple[str, str, str]:
    return step.thought, step.action, step.observation


def _trajectory(
    record: Mapping[str, Any], names: list[str], found: Conversation, environment: str | None
) -> Trajectory:
    messages = found.messages
    if not any(message.role == "agent" for message in messages):
        raise RecordError("no turn of an agent")
    begin = episode_begins(messages)
    steps: list[Step] = []
    for number in range(begin, len(messages)):
        message = messages[number]
        if message.role == "user" and steps and number:
            seen = [steps[-1].observation, observed(message.text)]
            steps[-1] = replace(steps[-1], observation="\n".join(filter(None, seen)))
        elif message.role == "agent":
            thought, action = _said(message.text, message.action)
            context = number < found.context
            trained = bool(action) and message.loss is not False and not context
            steps.append(Step(thought, action, "", valid=bool(action), trained=trained))
    if not any(step.valid for step in steps):
        raise RecordError("no turn with an action that can be read")
    rewards = [m.reward for m in messages[begin:] if m.reward is not None]
    paired = found.part in map(str.lower, record)  # else it is one completion, with a label
    part = found.part if paired else ""
    score, success, doubt = read_outcome(record, environment, part, rewards)
    opening = opening_of(messages, begin)
    kept = {"record": dict(record), "names": names, "front": messages[begin].first}
    if found.part:
        kept["part"] = found.part
    if environment:
        kept["environment"] = environment
    if doubt or found.doubt:
        kept["doubt"] = "; ".join(filter(None, (found.doubt, doubt)))
    return Trajectory(
        task=Task(names[0] if names else "", "", "", observed(opening)),
        first_observation=observed(opening),
        steps=tuple(steps),
        score=0.0 if score is None else score,
        success=bool(success),
        finished=True,
        source="import",
        record=kept,
        scored=score is not None,
    )


def _said(text: str, called: str | None) -> tuple[str, str]:
    """Return (thought, action) of a message; a call decides, else the text."""
    if called is None:
        return parse_turn(text)
    if not called:
        return text.strip(), ""
    thought, action = parse_turn(f"{text}\nAction: {called}")
    return (thought, called) if action else (text.strip(), called)
