"""The forms in which models write their turns: thought and action as text.

``plain`` reads its own strict form only, the others read with `parse_turn`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tratree.trajectory.turn_parsing import ACTION_LABEL, outside_thoughts, parse_turn

_PLAIN_ACTION = re.compile(r"(?:^|\s)Action\s*:")
_PLAIN_THOUGHT = re.compile(r"\s*Thought\s*:")


@dataclass(frozen=True)
class TurnForm:
    """The form in which a model writes its turns.

    Attributes:
        format: Returns the text of (thought, action); an empty thought is left out.
        parse: Returns (thought, action) of a text; an empty action where there is none.
        label: The text right before an action.
        has_label: Tells whether a text has come to its action.
        is_whole: Tells whether an action in the text is complete, so that nothing may follow.
        end: A character that every token has that may complete an action.
    """

    format: Callable[[str, str], str]
    parse: Callable[[str], tuple[str, str]]
    label: str
    has_label: Callable[[str], bool]
    is_whole: Callable[[str], bool]
    end: str


def format_turn(thought: str, action: str) -> str:
    """Return the text of one turn; an empty thought leaves just ``Action: ...``."""
    action_line = f"Action: {action.strip()}".rstrip()
    return f"Thought: {thought.strip()}\n{action_line}" if thought.strip() else action_line


def parse_plain(text: str) -> tuple[str, str]:
    """Split the strict form that this package's own models write; both stripped, never raises.

    The action is what follows the first ``Action:``. A text without one is all action, for the
    environment to refuse.
    """
    mark = _PLAIN_ACTION.search(text)
    if mark is None:
        return "", text.strip()
    label = _PLAIN_THOUGHT.match(text, 0, mark.start())
    thought = text[label.end() if label else 0 : mark.start()]
    return thought.strip(), text[mark.end() :].strip()


def _format_tags(thought: str, action: str) -> str:
    said = f"<think>{thought.strip()}</think>" if thought.strip() else ""
    return f"{said}<action>{action.strip()}</action>"


def _format_call(thought: str, action: str) -> str:
    arguments = json.dumps({"action": action.strip()}, ensure_ascii=False)
    call = f'<tool_call>{{"name": "act", "arguments": {arguments}}}</tool_call>'
    return f"{thought.strip()}\n{call}" if thought.strip() else call


def _line_ends_after(label: re.Pattern[str], text: str) -> bool:
    """Return whether a line break comes after an action."""
    mark = label.search(text)
    return mark is not None and "\n" in text[mark.end() :].lstrip()


TURN_FORMS: Mapping[str, TurnForm] = MappingProxyType(
    {
        "plain": TurnForm(
            format_turn,
            parse_plain,
            "Action:",
            lambda text: _PLAIN_ACTION.search(text) is not None,
            lambda text: _line_ends_after(_PLAIN_ACTION, text),
            "\n",
        ),
        "react": TurnForm(
            format_turn,
            parse_turn,
            "Action:",
            lambda text: ACTION_LABEL.search(outside_thoughts(text)) is not None,
            lambda text: (
                _line_ends_after(ACTION_LABEL, outside_thoughts(text)) and bool(parse_turn(text)[1])
            ),
            "\n",
        ),
        "tags": TurnForm(
            _format_tags,
            parse_turn,
            "<action>",
            lambda text: "<action>" in text.lower(),
            lambda text: "</action>" in text.lower(),
            ">",
        ),
        "tool_call": TurnForm(
            _format_call,
            parse_turn,
            '<tool_call>{"name": "act", "arguments": {"action": "',
            lambda text: '"action": "' in text.partition("<tool_call>")[2],
            lambda text: "</tool_call>" in text,
            ">",
        ),
    }
)
"""Forms of a turn by name: how a model writes, and how its text is read."""
