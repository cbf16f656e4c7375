"""Trajectories written in the conversation formats of others: AgentGym and ShareGPT, ETO, TRL.

An imported trajectory keeps its record as it came. Written in the format that it came in, it is
that record again, value by value, and if the file was written as here, byte by byte. Written in
another format, its messages are the publisher's own, and the rest is in the field ``tratree``
of a record, which other programs ignore, so that nothing is lost on the way back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.files import write_atomically
from tratree.trajectory.reading.message import Message
from tratree.trajectory.reading.messages import conversations_of
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import OWN, messages_digest, read_record
from tratree.trajectory.turns import format_turn
from tratree.trajectory.types import Trajectory

_INSTRUCTIONS = (
    "You act in a text environment. Each message tells you what you observe. Answer with a thought "
    "and one action, in the form:\nThought: what you think\nAction: what you do"
)


@dataclass(frozen=True)
class Format:
    """The names of things in a format.

    Attributes:
        messages: Field of the list of messages.
        role: Field of a message that says who speaks.
        text: Field of a message that holds its text.
        user: Speaker of observations.
        agent: Speaker of actions.
        task_id: Field of the task's name.
        loss: Whether messages say if they are trained on, as AgentGym's do.
    """

    messages: str
    role: str
    text: str
    user: str
    agent: str
    task_id: str
    loss: bool = False


FORMATS: Mapping[str, Format] = {
    "agentgym": Format("conversations", "from", "value", "human", "gpt", "item_id", loss=True),
    "eto": Format("conversations", "from", "value", "human", "gpt", "id"),
    "trl": Format("messages", "role", "content", "user", "assistant", "id"),
}
"""Formats, by name; what ShareGPT calls its format is that of ETO."""


def write_conversations(path: Path | str, trajectories: Sequence[Trajectory], name: str) -> None:
    """Write records of a format: one a line if `path` ends in ``.jsonl``, else a JSON list.

    Raises:
        UserError: If there is no format of that name.
    """
    if name not in FORMATS:
        raise UserError(f"no format {name!r}: use one of {', '.join(FORMATS)}")
    records = [to_record(trajectory, FORMATS[name]) for trajectory in trajectories]
    path = Path(path)
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(record) + "\n" for record in records)
    else:
        text = json.dumps(records)
    write_atomically(path, [text.encode()])


def to_record(trajectory: Trajectory, form: Format) -> dict[str, Any]:
    """Return the record of a trajectory; if it came in this form, the one that it came from.

    `read_record` gives the trajectory back, as long as nobody edits the messages.
    """
    original = trajectory.record.get("record")
    if isinstance(original, Mapping):
        unchanged = _tells(original, trajectory)
        if unchanged and _is_of(original, form):
            return dict(original)
        messages = _messages_of(original, trajectory, unchanged)
    else:
        front = [] if form.messages == "messages" else [_INSTRUCTIONS, "OK"]
        messages = [_by_turns(n, text, loss=False) for n, text in enumerate(front)]
        messages += _spoken(trajectory)
    record: dict[str, Any] = {form.task_id: trajectory.task.task_id}
    record[form.messages] = [_written(message, form) for message in messages]
    if trajectory.scored:
        record["reward"] = trajectory.score
    digest = messages_digest(record[form.messages])
    return {**record, OWN: {"digest": digest, "trajectory": trajectory.to_json()}}


def _written(message: Message, form: Format) -> dict[str, Any]:
    names = {"system": "system", "user": form.user, "agent": form.agent}
    written: dict[str, Any] = {form.role: names[message.role]}
    if form.loss:
        written["loss"] = message.loss if message.role == "agent" else None
    return {**written, form.text: message.text}


def _by_turns(number: int, text: str, loss: bool = True) -> Message:
    return Message("agent", text, loss) if number % 2 else Message("user", text)


def _spoken(trajectory: Trajectory) -> list[Message]:
    """Return the messages of the episode itself."""
    messages = [Message("user", trajectory.first_observation)]
    for step in trajectory.steps:
        said = format_turn(step.thought, step.action) if step.action else step.thought
        messages += [Message("agent", said, step.trained), Message("user", step.observation)]
    if trajectory.record and messages[-1] == Message("user", ""):
        messages.pop()
    return messages


def _messages_of(
    original: Mapping[str, Any], trajectory: Trajectory, unchanged: bool
) -> list[Message]:
    """Return the publisher's messages; from where the episode begins, ours if it was changed."""
    part = trajectory.record.get("part", "")
    found = next(c for c in conversations_of(original) if c.part == part)
    steps = iter(trajectory.steps)
    messages = []
    front = [m for m in found.messages if m.first < trajectory.record.get("front", 0)]
    if not unchanged:
        return [*front, *_spoken(trajectory)]
    for message in found.messages:
        if message.role == "agent" and message not in front:
            step = next(steps, None)
            loss = message.loss if message.loss is not None or step is None else step.trained
            called = message.action and f"{message.text}\nAction: {message.action}".strip()
            message = replace(message, loss=loss, text=called or message.text)
        elif message.role == "agent" and message.loss is None:
            message = replace(message, loss=False)
        messages.append(message)
    return messages


def _tells(original: Mapping[str, Any], trajectory: Trajectory) -> bool:
    """Return whether a record says what the trajectory says: nobody has edited its texts."""
    try:
        told = read_record(original)
    except RecordError:
        return False
    texts = [(s.thought, s.action, s.observation) for s in trajectory.steps]
    return any(
        t.first_observation == trajectory.first_observation
        and [(s.thought, s.action, s.observation) for s in t.steps] == texts
        for t in told
    )


def _is_of(record: Mapping[str, Any], form: Format) -> bool:
    messages = record.get(form.messages)
    if not isinstance(messages, list) or "chosen" in record:
        return False
    named = form.task_id in record or not any(
        f.task_id in record for f in FORMATS.values() if f.messages == form.messages
    )
    return named and all(
        isinstance(m, Mapping) and {form.role, form.text} <= m.keys() for m in messages
    )
