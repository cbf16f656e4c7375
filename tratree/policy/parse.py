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
    mark = _ACTION.search(text)
    if mark is None:
        return "", text.strip()
    thought = text[: mark.start()]
    label = _THOUGHT.match(thought)
    return thought[label.end() if label else 0 :].strip(), text[mark.end() :].strip()
