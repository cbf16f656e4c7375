"""Forms of records with steps: each is the same episode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tratree.trajectory.reading.read import read_trajectory_files

OPENING = "You are in the middle of a room.\nYour task is to: put a pen in drawer."
DESK, PEN = "On the desk 1, you see a pen 1.", "You pick up the pen 1 from the desk 1."


def run(kind: str, action: str, result: str) -> dict[str, Any]:
    shown = {"inputs": {"input": action}, "outputs": {"output": result}}
    return {"name": "step", "run_type": kind, **shown}


@pytest.mark.parametrize(
    "record",
    [
        {
            "task": OPENING,
            "log": [
                {"tool": "step", "args": {"action": "go to desk 1"}, "result": DESK},
                {"tool": "step", "args": {"action": "take pen 1 from desk 1"}, "result": PEN},
            ],
        },
        {
            "name": "AgentExecutor",
            "run_type": "chain",
            "inputs": {"input": OPENING},
            "child_runs": [
                run("llm", "what now?", "go to desk 1"),
                run("tool", "go to desk 1", DESK),
                run("llm", "what now?", "take pen 1 from desk 1"),
                run("tool", "take pen 1 from desk 1", PEN),
            ],
        },
        {
            "input": OPENING,
            "output": f"<action>go to desk 1</action><observation>{DESK}</observation>\n"
            f"<action>take pen 1 from desk 1</action><observation>{PEN}</observation>",
        },
        {
            "trajectory": [
                {"role": "user", "content": OPENING},
                {"role": "assistant", "thought": "t", "action": "go to desk 1"},
                {"role": "user", "content": DESK},
                {"role": "assistant", "thought": "t", "action": "take pen 1 from desk 1"},
                {"role": "user", "content": PEN},
            ]
        },
        {
            "rounds": [
                {"user": OPENING, "assistant": "Action: go to desk 1"},
                {"user": DESK, "assistant": "Action: take pen 1 from desk 1"},
                {"user": PEN, "assistant": ""},
            ]
        },
        {
            "0": {"observation": OPENING, "action": "go to desk 1"},
            "1": {"observation": DESK, "action": "take pen 1 from desk 1"},
            "2": {"observation": PEN},
        },
        {
            "history": [
                ["observation", OPENING],
                ["action", "go to desk 1"],
                ["observation", DESK],
                ["action", "take pen 1 from desk 1"],
                ["observation", PEN],
            ]
        },
        {
            "steps": [
                {
                    "messages": [{"role": "user", "content": OPENING}],
                    "response": "Action: go to desk 1",
                },
                {
                    "messages": [
                        {"role": "user", "content": OPENING},
                        {"role": "assistant", "content": "Action: go to desk 1"},
                        {"role": "user", "content": DESK},
                    ],
                    "response": "<execute>take pen 1 from desk 1</execute>",
                },
            ]
        },
        {
            "obs": [OPENING, DESK, PEN],
            "thought": ["t", "t"],
            "action": ["go to desk 1", "take pen 1 from desk 1"],
        },
        {
            "trajectory": [
                {"role": "user", "content": OPENING},
                {"role": "assistant", "content": "Action: go to desk 1"},
                {"role": "user", "content": DESK},
                {"role": "assistant", "content": "Action: take pen 1 from desk 1"},
                {"role": "user", "content": PEN},
                {"reward": 1.0},
            ]
        },
        {
            "text": f"<user>{OPENING}</user><assistant>Action: go to desk 1</assistant>"
            f"<user>{DESK}</user><assistant>Action: take pen 1 from desk 1</assistant>"
            f"<user>{PEN}</user>"
        },
        {
            "steps": [
                {"obs_before": OPENING, "action": "go to desk 1", "obs_after": DESK},
                {"obs_before": DESK, "action": "take pen 1 from desk 1", "obs_after": PEN},
            ]
        },
        {"prompt": OPENING, "log": f"> go to desk 1\n{DESK}\n> take pen 1 from desk 1\n{PEN}"},
    ],
    ids=[
        "calls and results",
        "LangSmith",
        "answers in tags",
        "fields of messages",
        "rounds",
        "numbers",
        "pairs",
        "chats that grow",
        "lists",
        "an outcome at the end",
        "speakers in tags",
        "before and after",
        "a log behind its prompt",
    ],
)
def test_calls_become_steps(record: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps(record))
    [trajectory] = read_trajectory_files(tmp_path / "log.json", "alfworld").trajectories
    assert trajectory.first_observation == OPENING
    assert [step.action for step in trajectory.steps] == ["go to desk 1", "take pen 1 from desk 1"]
    first, last = trajectory.steps
    assert first.observation == DESK
    assert last.observation in (PEN, "")  # a chat may end with what was done
