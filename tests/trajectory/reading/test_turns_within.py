"""Turns in objects that programs put around them, and lists of what was done and seen."""

import csv
import io
import json

import pytest

from tests.trajectory.reading.episode import ACTIONS, ANSWERS, OPENING, ROWS, chat, expect
from tratree.trajectory.reading.read import read_trajectory_files

CALLS = [json.dumps({"action": action}) for action in ACTIONS]
STEPS = [(t, c, b) for (_, t, _, b), c in zip(ROWS, CALLS, strict=True)]


def each(*makers):
    """Return what each maker makes of each step's (number, thought, call, answer)."""
    return [make(n, *step) for n, step in enumerate(STEPS) for make in makers]


def requests():
    """Yield each request of the episode, with all before it, and its answer."""
    for n in (1, 3):
        yield {"type": "GENERATION", "input": chat()[:n], "output": chat()[n], "level": "DEFAULT"}


TYPED = {
    "LangGraph's updates": {
        "input": OPENING,
        "updates": each(
            lambda n, t, c, b: {
                "agent": {
                    "messages": [
                        {
                            "type": "ai",
                            "content": t,
                            "tool_calls": [{"name": "act", "args": json.loads(c), "id": "c"}],
                        }
                    ]
                }
            },
            lambda n, t, c, b: {"tools": {"messages": [{"type": "tool", "content": b}]}},
        ),
    },
    "OpenAI's agents": {
        "input": OPENING,
        "new_items": each(
            lambda n, t, c, b: {
                "type": "reasoning_item",
                "raw_item": {"type": "reasoning", "summary": [{"text": t}]},
            },
            lambda n, t, c, b: {
                "raw_item": {"type": "function_call", "name": "act", "arguments": c, "call_id": n}
            },
            lambda n, t, c, b: {
                "output": b,
                "raw_item": {"type": "function_call_output", "call_id": n, "output": b},
            },
        ),
    },
    "Pydantic's": {
        "messages": [
            {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": OPENING}]},
            *each(
                lambda n, t, c, b: {
                    "kind": "response",
                    "parts": [
                        {"part_kind": "text", "content": t},
                        {"part_kind": "tool-call", "tool_name": "act", "args": c},
                    ],
                },
                lambda n, t, c, b: {
                    "kind": "request",
                    "parts": [{"part_kind": "tool-return", "tool_name": "act", "content": b}],
                },
            ),
        ]
    },
    "Vercel's": {
        "messages": [
            {"role": "user", "content": OPENING},
            *each(
                lambda n, t, c, b: {
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "text": t},
                        {"type": "tool-call", "toolName": "act", "input": json.loads(c)},
                    ],
                },
                lambda n, t, c, b: {
                    "role": "tool",
                    "content": [{"type": "tool-result", "output": {"type": "text", "value": b}}],
                },
            ),
        ]
    },
    "CrewAI's": {
        "task": {"description": OPENING},
        "steps": each(
            lambda n, t, c, b: {"thought": t, "tool": "act", "tool_input": c, "result": b}
        ),
    },
    "WebArena's": {
        "trajectory": [
            half
            for (o, t, a, _) in ROWS
            for half in (
                {"observation": {"text": o, "image": None}, "info": {}},
                {"action_type": 1, "raw_prediction": f"{t}\n```{a}```"},
            )
        ]
    },
    "requests": {"observations": list(requests())},
}


@pytest.mark.parametrize("form", TYPED)
def test_turns_within_objects(form, tmp_path):
    expect(TYPED[form], tmp_path)


def test_tools_within_spans(tmp_path):
    root = {"name": "agent", "inputs": {"task": OPENING}, "outputs": {"won": False}}
    tools = each(
        lambda n, t, c, b: {
            "span_type": "TOOL",
            "name": "act",
            "inputs": json.loads(c),
            "outputs": b,
            "status": {"code": "OK"},
        }
    )
    record = {"info": {"trace_id": "t", "status": "OK"}, "data": {"spans": [root, *tools]}}
    expect(record, tmp_path, thoughts=False, score=0.0)


def test_names_with_values_state_the_score(tmp_path):
    scores = [{"name": "steps", "value": 2}, {"name": "success", "value": 0}]
    told = expect({"observations": list(requests()), "scores": scores}, tmp_path, score=0.0)
    assert not told.success


def test_transitions(tmp_path):
    texts = [(o, a, b) for o, _, a, b in ROWS]
    named = [{"s": o, "a": a, "r": 0.5, "s_next": b, "done": False} for o, a, b in texts]
    expect({"transitions": named}, tmp_path, thoughts=False, score=0.5)
    for rows in ([[o, a, 1.0, b, False] for o, a, b in texts], [[o, a, 1] for o, a, b in texts]):
        (tmp_path / "log.json").write_text(json.dumps({"transitions": rows}))
        [told] = read_trajectory_files(tmp_path / "log.json").trajectories
        assert [step.action for step in told.steps] == ACTIONS
        assert told.steps[0].observation == ANSWERS[0]
        assert told.scored


def test_a_table_of_steps(tmp_path):
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["Step", "Action", "Reasoning", "Observation", "Reward", "Done"])
    rows.writerows([n, a, t, o, 0.0, n == 1] for n, (o, t, a, _) in enumerate(ROWS))
    expect(table.getvalue(), tmp_path, name="log.csv", score=0.0)
