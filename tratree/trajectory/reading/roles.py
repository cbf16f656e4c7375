"""The three sides of a conversation, and what publishers call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tratree.trajectory.words import words

Role = Literal["system", "user", "agent"]

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer", "系统"), "system"),
    **dict.fromkeys(
        words(
            "user human observation obs tool tool_response tool_result tool_output function "
            "function_response environment env ipython execution result prompter "
            "instruction functions 用户 观察 环境"
        ),
        "user",
    ),
    **dict.fromkeys(
        words(
            "assistant gpt agent model bot chatgpt ai llm policy function_call tool_call "
            "action act thought think expert response 助手 智能体 模型 行动 动作"
        ),
        "agent",
    ),
}
"""Speakers, by the names that publishers use."""


SIDES = words("system human user environment env assistant gpt bot model agent ai")
"""Speakers that may be the names of fields with what they say."""

NAMED_AS = words("label source speaker player event kind role_type role_at_backend")
"""Fields of a message that may name its side."""

_SAID = words(
    "content value tool_calls tool_call parts blocks items text message utterance move data"
)


def is_role(value: Any) -> bool:
    """Return whether a value is the name of a side."""
    return isinstance(value, str) and role_of(value).lower() in ROLES


def role_of(value: Any) -> str:
    """Return the name of a side, which may be in an object; empty if there is none."""
    if isinstance(value, Mapping):
        value = next((value[n] for n in ("label", "value", "role") if n in value), None)
    return value.strip().replace("-", "_") if isinstance(value, str) else ""


def is_message(value: Any) -> bool:
    """Return whether a value is one message, not a record of several."""
    if isinstance(value, dict) and isinstance(value.get("message"), dict) and "role" not in value:
        outer = {name: value[name] for name in NAMED_AS if name in value}
        return is_message({**outer, **value["message"]})  # a choice of a chat interface
    return (
        isinstance(value, dict)
        and (
            any(role_of(value.get(name)) for name in ("role", "from"))
            or any(is_role(value.get(name)) for name in NAMED_AS)
        )
        and any(name in value for name in _SAID)
        and not any(name in value for name in ("messages", "conversations"))
    )
