"""Trajectories in the field's conversation formats: AgentGym and ShareGPT, ETO, TRL.

A record of such a file is a list of messages and whatever else its makers noted. The messages
before the first turn with an action (instructions, a polite answer) belong to no step; what stands
around thoughts, actions and observations is kept in `Trajectory.record`. So a file that was read
is written again value by value, and if it was written as here, byte by byte. In the other
direction, everything of a trajectory that messages do not say goes into the field ``tratree`` of
a record, which other programs ignore.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.files import write_atomically
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.turns import format_turn, has_action, locate_turn
from tratree.trajectory.types import Step, Task, Trajectory

_OWN = "tratree"
_IDS = ("item_id", "game_file", "id")
_OBSERVATION = "Observation:"
_INSTRUCTIONS = (
    "You act in a text environment. Each message tells you what you observe. Answer with a thought "
    "and one action, in the form:\nThought: what you think\nAction: what you do"
)


@dataclass(frozen=True)
class Format:
    """How a format names things.

    Attributes:
        messages: Field of the list of messages.
        role: Field of a message that says who speaks.
        text: Field of a message that holds its text.
        user: Who gives observations.
        agent: Who acts.
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
"""By name; what ShareGPT calls its format is that of ETO."""


def read_any(path: Path) -> list[Trajectory]:
    """Read a file of ours or of another format; what a record of it has tells which.

    Raises:
        UserError: See `read_trajectories` and `read_conversations`.
    """
    first = _read_records(path)[0]
    ours = isinstance(first, dict) and "first_observation" in first
    return read_trajectories(path) if ours else read_conversations(path)


def read_conversations(path: Path) -> list[Trajectory]:
    """Read a file of records, a JSON list or one record a line.

    A record without ``reward`` counts as solved, as published demonstrations are. The id is that
    of the file, and the instruction the whole first observation: only an environment knows more.

    Raises:
        UserError: If the file is missing or cut, or a record is not a conversation with actions.
    """
    trajectories: list[Trajectory] = []
    samples: dict[str, int] = {}
    for number, record in enumerate(_read_records(path), start=1):
        try:
            trajectory = from_record(record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"record {number} of {path} is not a conversation of an agent "
                f"({type(error).__name__}: {error}): correct or remove it"
            ) from error
        if _OWN not in record:
            task_id = trajectory.task.task_id or f"record {number}"
            sample = samples[task_id] = samples.get(task_id, -1) + 1
            task = replace(trajectory.task, task_id=task_id)
            trajectory = replace(trajectory, task=task, sample=sample)
        trajectories.append(trajectory)
    return trajectories


def write_conversations(path: Path, trajectories: Sequence[Trajectory], name: str) -> None:
    """Write records of a format: one a line if `path` ends in ``.jsonl``, else a JSON list.

    Raises:
        UserError: If there is no format of that name.
    """
    if name not in FORMATS:
        raise UserError(f"no format {name!r}: use one of {', '.join(FORMATS)}")
    records = [to_record(trajectory, FORMATS[name]) for trajectory in trajectories]
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(record) + "\n" for record in records)
    else:
        text = json.dumps(records)
    write_atomically(path, [text.encode()])


def from_record(record: Mapping[str, Any]) -> Trajectory:
    """Return the trajectory that a record tells.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: If it is not a conversation.
    """
    form = _format_of(record)
    frame = copy.deepcopy(dict(record))
    messages = frame[form.messages]
    start = _first_observation(messages, form)
    texts: list[str] = []
    pieces: list[tuple[str, str]] = []
    for offset, message in enumerate(messages[start:]):
        speaker, text = message[form.role], message[form.text]
        if speaker != (form.agent if offset % 2 else form.user):
            raise ValueError(f"message {start + offset + 1} is from {speaker!r} out of turn")
        if offset % 2:
            thought, action = locate_turn(text)
            pieces.append((text[thought], text[action]))
            around = [text[: thought.start], text[thought.stop : action.start], text[action.stop :]]
        else:
            labelled = offset > 0 and _OWN not in record
            said = _said(text) if labelled else slice(0, len(text))
            texts.append(text[said])
            around = [text[: said.start], text[said.stop :]]
        message[form.text] = around
    observations = [*texts[1:], ""]
    steps = [Step(*turn, seen) for turn, seen in zip(pieces, observations, strict=False)]
    if _OWN in record:
        return _own_trajectory(record[_OWN], texts[0], steps)
    reward = record.get("reward")
    score = 1.0 if reward is None else min(1.0, max(0.0, float(reward)))
    task_id = next((str(record[key]) for key in _IDS if record.get(key) is not None), "")
    return Trajectory(
        task=Task(task_id, "", "", texts[0]),
        first_observation=texts[0],
        steps=tuple(steps),
        score=score,
        success=score == 1.0,
        finished=True,
        source="import",
        record=frame,
    )


def to_record(trajectory: Trajectory, form: Format) -> dict[str, Any]:
    """Return the record of a trajectory; if it came in this form, the one that it came from."""
    if trajectory.record and _format_of(trajectory.record) == form:
        return _filled(trajectory, form)
    task = trajectory.task
    opening = [] if form.messages == "messages" else [_INSTRUCTIONS, "OK"]
    texts = [*opening, trajectory.first_observation]
    for step in trajectory.steps:
        texts += [format_turn(step.thought, step.action), step.observation]
    messages = [_message(form, n, text, n > len(opening)) for n, text in enumerate(texts)]
    record = {form.task_id: task.task_id, form.messages: messages, "reward": trajectory.score}
    rest = replace(trajectory, first_observation="", record={}).to_json()
    for step in rest["steps"]:
        del step["thought"], step["action"], step["observation"]
    return {**record, _OWN: rest}


def _message(form: Format, number: int, text: str, own: bool) -> dict[str, Any]:
    by_agent = number % 2 == 1
    message: dict[str, Any] = {form.role: form.agent if by_agent else form.user}
    if form.loss:
        message["loss"] = own if by_agent else None
    return {**message, form.text: text}


def _filled(trajectory: Trajectory, form: Format) -> dict[str, Any]:
    record = copy.deepcopy(dict(trajectory.record))
    steps = trajectory.steps
    texts = [[trajectory.first_observation]]
    for step in steps:
        texts += [[step.thought, step.action], [step.observation]]
    frames = [m for m in record[form.messages] if isinstance(m[form.text], list)]
    for message, inside in zip(frames, texts, strict=False):
        around = message[form.text]
        middle = (part for pair in zip(inside, around[1:], strict=True) for part in pair)
        message[form.text] = "".join([around[0], *middle])
    return record


def _own_trajectory(rest: Mapping[str, Any], first: str, steps: Sequence[Step]) -> Trajectory:
    spoken = [
        {"thought": s.thought, "action": s.action, "observation": s.observation} for s in steps
    ]
    whole = [{**a, **b} for a, b in zip(rest["steps"], spoken, strict=True)]
    return Trajectory.from_json({**rest, "first_observation": first, "steps": whole})


def _format_of(record: Mapping[str, Any]) -> Format:
    possible = [f for f in FORMATS.values() if isinstance(record.get(f.messages), list)]
    if not possible:
        raise ValueError("no list of conversations or messages")
    return next((form for form in possible if form.task_id in record), possible[-1])


def _first_observation(messages: Sequence[Mapping[str, Any]], form: Format) -> int:
    """Return which message the first turn with an action answers."""
    for number, message in enumerate(messages[1:]):
        if message[form.role] == form.agent and has_action(message[form.text]):
            return number
    raise ValueError("no turn with an Action:")


def _said(text: str) -> slice:
    """Return where in a message the observation stands: ETO puts a label before it."""
    start = len(_OBSERVATION) if text.startswith(_OBSERVATION) else 0
    while start and start < len(text) and text[start].isspace():
        start += 1
    return slice(start, len(text))


def _read_records(path: Path) -> list[Any]:
    try:
        text = path.read_text("utf-8")
        if text.lstrip().startswith("["):
            records: list[Any] = json.loads(text)
        else:
            records = [json.loads(line) for line in text.split("\n") if line.strip()]
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): correct the path") from error
    except ValueError as error:
        raise UserError(
            f"{path} is neither a JSON list nor one JSON record a line ({error}): "
            "make or download it again"
        ) from error
    if not records:
        raise UserError(f"{path} has no records: make or download it again")
    return records
