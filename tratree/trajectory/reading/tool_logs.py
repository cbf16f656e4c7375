"""Logs of tool calls beside their results, among them LangSmith's runs, as steps of an episode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.values import field_name
from tratree.trajectory.words import words

_TOOLS = words("tool call tool_name function_name name function")
_GIVEN = words("args arguments tool_input tool_args input inputs parameters params")
_RESULTS = words("result results output outputs tool_output observation response")
_SAID = words("thought reasoning log")
_WHOLE = re.compile(r"\S[ (\[]")
"""What a text has that is more than the name of a tool."""


def from_tool_log(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record whose list is a log of calls with steps in its place; others as they are."""
    for name, value in record.items():
        if not isinstance(value, list):
            continue
        steps = [_step(run) for run in [run for run in value if _is_tool(run)] or value]
        if steps and all(steps):
            root = value[0].get("inputs") if isinstance(value[0], Mapping) else None
            rest = {k: v for k, v in record.items() if k != name}
            return {"root": root, **rest, "steps": steps}
    return record


def _is_tool(run: Any) -> bool:
    """Return whether a run is said to be a tool's, as LangSmith and MLflow do."""
    kinds = ("run_type", "span_type")
    return isinstance(run, Mapping) and any(str(run.get(k)).lower() == "tool" for k in kinds)


def _step(run: Any) -> dict[str, Any] | None:
    if not isinstance(run, Mapping):
        return None
    folded = {field_name(key): value for key, value in run.items()}
    tool = next((folded[n] for n in _TOOLS if isinstance(folded.get(n), str)), None)
    given = next((folded[n] for n in _GIVEN if folded.get(n) is not None), None)
    result = next((folded[n] for n in _RESULTS if folded.get(n) is not None), None)
    if isinstance(result, Mapping) and len(result) == 1:
        (result,) = result.values()
    if tool is None or not isinstance(result, str):
        return None
    if given is None:  # the tool is the whole call
        return {**folded, "action": tool, "next_obs": result} if _WHOLE.search(tool) else None
    said = next((folded[n] for n in _SAID if isinstance(folded.get(n), str)), "")
    call = {"function": {"name": tool, "arguments": given}}
    return {"thought": said, "tool_calls": [call], "next_obs": result}
