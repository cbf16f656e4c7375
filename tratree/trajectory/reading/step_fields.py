"""Fields of one step of an episode, whatever a publisher calls them and in whatever object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.values import field_name
from tratree.trajectory.tool_calls import THOUGHTS
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.words import words

ACTED = words(
    "action act agent_action raw_action action_text action_str command cmd actions executed_action "
    "a"
)
_SAID = words(
    "response output raw_output model_output model_response llm_output llm_response completion "
    "generation agent_output agent_response raw_prediction prediction"
)
_SEEN = words(
    "observation obs env_observation env_output observation_text obs_text text_obs observations "
    "state o axtree axtree_txt dom page_text"
)
_BEFORE = words("before current_observation current_obs observation_before obs_before s prompt")
_AFTER = words(
    "next_observation next_obs observation_after obs_after new_observation new_obs next_state "
    "env_feedback environment_feedback env_response environment_response "
    "tool_response tool_result tool_output feedback s_next next_s s_prime"
)
_ANSWERS = words("result results response output outputs out stdout returned return_value answer")
"""Fields with what was seen after an action, where the step says the action in another one."""

_HOLDERS = words(
    "state node agent agent_info policy actor assistant llm model model_output model_response "
    "decision parsed parsed_response parsed_output env environment input inputs output outputs "
    "response step data transition turn call result"
)
"""Objects in a step that may hold some of its fields."""

_CHAT = "messages"
_CALLS = "tool_calls"
_LIKE = {
    ACTED: re.compile(r"(?!(?:\w+_)?(?:valid|available|admissible|possible|legal|num|n|is|has|last|"
        r"prev|previous|total|all)_)\w+_(?:actions?|act|command)"),
    _SEEN: re.compile(r"(?!(?:\w+_)?(?:next|new|last|prev|previous|init|initial|first|final|reset|"
        r"n|num|agent)_)\w+_(?:obs|observation|state)"),
}  # fmt: skip
"""Other names of actions and observations, such as ``anchor_obs``."""

_KNOWN = frozenset((*ACTED, *_SAID, *_SEEN, *_BEFORE, *_AFTER, *THOUGHTS, _CALLS))


def is_step(value: Any) -> bool:
    """Return whether a value is a step of an episode: an action, and what was seen."""
    if not isinstance(value, Mapping):
        return False
    fields = _lifted(value)
    acted = _present(fields, ACTED)
    done = acted or _present(fields, (*_SAID, _CALLS))
    answers = _ANSWERS if acted else ()
    seen = _present(fields, _SEEN) or _present(fields, (*_BEFORE, *_AFTER, _CHAT, *answers))
    columns = seen != _CHAT and all(isinstance(fields.get(n), list) for n in (acted, seen))
    return bool(done and seen) and not columns


def is_asked_and_said(value: Any) -> bool:
    """Return whether a value has what an agent was told as its ``input``, and its ``output``."""
    if not isinstance(value, Mapping):
        return False
    return {"input", "output"} <= value.keys() and "instruction" not in value


def acts(value: Any) -> bool:
    """Return whether a value is a step that says its action in a text, under a name of one."""
    if not is_step(value):
        return False
    fields = _lifted(value)
    return isinstance(fields.get(_present(fields, ACTED)), str)


def sides_of(value: Any) -> set[str]:
    """Return whether something was ``done`` or ``seen`` in an object that may be half a step."""
    fields = _lifted(value) if isinstance(value, Mapping) else {}
    done = _present(fields, ACTED) or _present(fields, (*_SAID, _CALLS))
    seen = _present(fields, _SEEN) or _present(fields, (*_BEFORE, *_AFTER))
    return {side for side, name in (("done", done), ("seen", seen)) if name}


def plain_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step with the same fields in every case, in their order.

    ``action`` is what the agent did or said, ``before`` and ``next_obs`` what it saw before and
    after, ``observation`` one of both, ``thought`` what it thought.
    """
    fields = _lifted(step)
    acted = _present(fields, ACTED)
    said = _present(fields, _SAID)
    thought = _present(fields, THOUGHTS)
    if acted and said and not thought and isinstance(fields[said], str):
        thought, fields = "thought", {**fields, "thought": parse_turn(fields[said])[0]}
    seen, before, after = (_present(fields, names) for names in (_SEEN, _BEFORE, _AFTER))
    if seen and before and before != "prompt" and not after:
        seen, after = "", seen
    if seen:
        before = ""
    if acted and not seen and not after:
        after = next((n for n in _ANSWERS if _is_answer(fields.get(n))), "")
    if not (seen or before or after):
        before = _present(fields, ("input",))
    named = {acted or said: "action", thought: "thought", seen: "observation"}
    named |= {before: "before", after: "next_obs"}
    dropped = {*ACTED, *_SAID, *_SEEN, *_BEFORE, *_AFTER, *_ANSWERS, *THOUGHTS} - named.keys()
    return {named.get(k, k): v for k, v in fields.items() if k not in dropped}


def _is_answer(value: Any) -> bool:
    """Return whether a value is what was seen, and not a turn of the agent's."""
    return value is not None and not (isinstance(value, str) and parse_turn(value)[1])


def _present(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the names that a step has, or another one that ends as they do."""
    like = _LIKE.get(names)
    others = (name for name in fields if like and like.fullmatch(name) and name not in _KNOWN)
    return next((name for name in (*names, *others) if fields.get(name) is not None), "")


def _lifted(step: Mapping[str, Any], depth: int = 3) -> dict[str, Any]:
    """Return the fields of a step and of the objects in it; those further out count."""
    lifted: dict[str, Any] = {}
    for key, value in step.items():
        name = field_name(key)
        inner = {}
        holds = name in _HOLDERS or name.endswith("_step")
        if isinstance(value, Mapping) and depth and (holds or name == "action"):
            inner = _lifted(value, depth - 1)
        held = _KNOWN if holds else frozenset(THOUGHTS)
        if inner.keys() & held:
            for field, held_value in inner.items():
                lifted.setdefault(field, held_value)
        else:
            lifted[name] = value
    return lifted
