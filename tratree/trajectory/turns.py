"""The agent's text: an optional thought, then the action, each after its label."""

from __future__ import annotations

import re

_ACTION = re.compile(r"(?:^|\s)Action\s*:")
_THOUGHT = re.compile(r"\s*Thought\s*:")


def format_turn(thought: str, action: str) -> str:
    """Return the text of one turn; an empty thought leaves just ``Action: ...``."""
    action_line = f"Action: {action.strip()}".rstrip()
    return f"Thought: {thought.strip()}\n{action_line}" if thought.strip() else action_line


def parse_turn(text: str) -> tuple[str, str]:
    """Split an agent's text into (thought, action), both stripped; never raises.

    The action is what follows the first ``Action:``. A text without one is all action.
    """
    thought, action = locate_turn(text)
    return text[thought], text[action]


def locate_turn(text: str) -> tuple[slice, slice]:
    """Return where in the text the (thought, action) of `parse_turn` stand."""
    mark = _ACTION.search(text)
    if mark is None:
        return slice(0, 0), _stripped(text, 0, len(text))
    label = _THOUGHT.match(text, 0, mark.start())
    thought = _stripped(text, label.end() if label else 0, mark.start())
    return thought, _stripped(text, mark.end(), len(text))


def has_action(text: str) -> bool:
    """Return whether the text has the label of an action."""
    return _ACTION.search(text) is not None


def _stripped(text: str, start: int, end: int) -> slice:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return slice(start, end)
