"""The prompt of an environment: rules, a polite answer, worked examples as turns, then the task.

The form is that of ETO and of the paper's code; the texts are the user's files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tratree.errors import UserError
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.types import Trajectory
from tratree.words import counted

ANSWER = "OK"
"""Said by the agent after the rules."""

_LABELS = ("Observation:\n", "Observation: ")
_USERS, _AGENTS = ("user", "human"), ("assistant", "gpt")


@dataclass(frozen=True)
class Prompt:
    """The messages before every task of an environment, and how the task's own messages begin.

    Attributes:
        rules: Said to the agent first, and answered with `ANSWER`; may be empty.
        example: Worked examples one after another, turns of user and agent in alternation; it
            ends with the agent's, and may be empty.
        first_label: Precedes the first observation of a task, as in the example; may be empty.
        label: Precedes every later observation; may be empty.
    """

    rules: str
    example: tuple[str, ...] = ()
    first_label: str = ""
    label: str = ""

    @property
    def turns(self) -> tuple[str, ...]:
        """All messages in order, turns of user and agent in alternation."""
        return (*((self.rules, ANSWER) if self.rules else ()), *self.example)

    @property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of all its texts."""
        return sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        """Return in a few words what it has."""
        rules = [f"rules of {counted(len(self.rules), 'character')}"] if self.rules else []
        example = (
            [f"{counted(len(self.example), 'turn')} of worked examples"] if self.example else []
        )
        return f"{' and '.join(rules + example) or 'labels alone'} (SHA-256 {self.digest})"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; `from_json` gives an equal prompt back."""
        return {**asdict(self), "example": [*self.example]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Prompt:
        """Rebuild a prompt from `to_json`'s data."""
        return cls(**{**data, "example": tuple(data["example"])})

    def messages(self) -> list[dict[str, str]]:
        """Return the turns as chat messages with ``role`` and ``content``."""
        roles = ("user", "assistant")
        return [{"role": roles[n % 2], "content": text} for n, text in enumerate(self.turns)]

    def without_example(self) -> Prompt:
        """Return the rules and labels alone."""
        return replace(self, example=())


def read_prompt(rules: str | None, examples: str | None, count: int) -> Prompt | None:
    """Read the files of a prompt, in ETO's formats.

    Args:
        rules: A text file; None for none.
        examples: A JSON list of examples, each a list of messages with ``role`` or ``from`` and
            ``content`` or ``value``; None for none.
        count: Number of examples that are shown, the first ones, at least 0.

    Returns:
        The prompt; None without files.

    Raises:
        UserError: If a file cannot be read or has another form, or has fewer examples.
    """
    if rules is None and examples is None:
        return None
    said = "" if rules is None else _read("env.prompt.rules", rules).strip()
    if rules is not None and not said:
        raise UserError(f"env.prompt.rules={rules} is empty: give the rules as text")
    found = [] if examples is None else _read_examples(examples)
    if examples is not None and count > len(found):
        raise UserError(
            f"env.prompt.count={count}, but {examples} has {counted(len(found), 'example')}: set "
            f"it to at most {len(found)}"
        )
    return Prompt(
        said,
        tuple(text for example in found[:count] for text in example),
        _label([example[0] for example in found]),
        _label([text for example in found for text in example[2::2]]),
    )


def without_prompt(trajectory: Trajectory, prompt: Prompt) -> Trajectory:
    """Return an imported trajectory without what it says of the prompt itself.

    Its first steps are left out if they are the worked example, and from its first observation
    the rules, where one message holds both, and the label.
    """
    users, agents = prompt.example[::2], prompt.example[1::2]
    steps, first = trajectory.steps, _bare(trajectory.first_observation, prompt.rules)
    shown = [first, *(_bare(step.observation) for step in steps)]
    acted = [(_words(step.thought), _words(step.action)) for step in steps]
    if (
        0 < len(agents) <= len(steps)
        and [_words(text) for text in shown[: len(users)]] == [_words(_bare(t)) for t in users]
        and acted[: len(agents)]
        == [(_words(thought), _words(action)) for thought, action in map(parse_turn, agents)]
    ):
        first, steps = shown[len(agents)], steps[len(agents) :]
    return replace(trajectory, first_observation=first, steps=steps)


def _bare(text: str, rules: str = "") -> str:
    """Return an observation without rules before it and without its label."""
    text = text.strip()
    if rules and text.startswith(rules):
        text = text[len(rules) :].strip()
    return text.removeprefix("Observation:").strip()


def _words(text: str) -> str:
    return " ".join(text.split())


def _label(observations: Sequence[str]) -> str:
    """Return the label that all observations of the examples begin with; empty for none."""
    for label in _LABELS:
        if observations and all(text.startswith(label) for text in observations):
            return label
    return ""


def _read(key: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"{key}={path} cannot be read ({reason}): correct the path") from error


def _read_examples(path: str) -> list[list[str]]:
    text = _read("env.prompt.examples", path)
    try:
        document = json.loads(text)
        if not isinstance(document, list) or not document:
            raise ValueError("it is not a list of examples")
        return [_turns(number, example) for number, example in enumerate(document, start=1)]
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"env.prompt.examples={path} has another form than ETO's examples ({error}): give a "
            "JSON list of examples, each a list of messages"
        ) from error


def _turns(number: int, example: Any) -> list[str]:
    """Return the texts of an example.

    Raises:
        ValueError: If it is not a conversation that the agent ends.
    """
    if not isinstance(example, list) or not example or len(example) % 2:
        raise ValueError(f"example {number} is not a list of turns of user and agent")
    texts: list[str] = []
    for place, message in enumerate(example):
        speakers = _AGENTS if place % 2 else _USERS
        fields = message if isinstance(message, dict) else {}
        text = fields.get("content", fields.get("value"))
        if fields.get("role", fields.get("from")) not in speakers or not isinstance(text, str):
            raise ValueError(
                f"message {place + 1} of example {number} is not a text of {' or '.join(speakers)}"
            )
        texts.append(text.strip())
    return texts
