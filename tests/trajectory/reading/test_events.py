"""Events of OpenHands, LangChain's intermediate steps, Reflexion's histories."""

import pytest

from tratree.trajectory.reading.records import read_record

TASK = "You are in a hall. Your task is to: find a cup."
RUN = {
    "id": 3,
    "source": "agent",
    "message": "Running command: look",
    "action": "run",
    "args": {"command": "look", "thought": "I look.", "blocking": False},
}
SEEN = {"id": 4, "cause": 3, "source": "agent", "observation": "run", "content": "A desk."}
ASKED = {"id": 1, "source": "user", "action": "message", "args": {"content": TASK}}
OPENHANDS = [
    {"id": 0, "source": "agent", "action": "system", "args": {"content": "Act."}},
    ASKED,
    {
        "source": "environment",
        "observation": "agent_state_changed",
        "content": "",
        "extras": {"agent_state": "running"},
    },
    {"source": "agent", "action": "think", "args": {"thought": "A cup is on a desk."}},
    {"source": "agent", "observation": "think", "content": "Logged.", "extras": {}},
    RUN,
    SEEN,
    {"source": "agent", "action": "message", "args": {"content": "Action: open desk 1"}},
    {"source": "user", "action": "message", "args": {"content": "Open."}},
]


def call(tool, given, log="Thought: I look.\nAction: act\nAction Input: look"):
    return {"tool": tool, "tool_input": given, "log": log}


def serialised(action):
    return {"lc": 1, "type": "constructor", "id": ["langchain", "AgentAction"], "kwargs": action}


LOOK, OPEN = call("act", "look"), call("act", {"action": "open desk 1"}, "")
SDK = [
    {"kind": "SystemPromptEvent", "source": "agent", "system_prompt": {"text": "Act."}},
    {
        "kind": "MessageEvent",
        "source": "user",
        "llm_message": {"role": "user", "content": [{"type": "text", "text": TASK}]},
    },
    {
        "kind": "ActionEvent",
        "source": "agent",
        "thought": [{"type": "text", "text": "I look."}],
        "action": {"kind": "ActAction", "action": "look"},
        "tool_name": "act",
        "tool_call": {"id": "1", "name": "act", "arguments": '{"action": "look"}'},
    },
    {"kind": "ObservationEvent", "source": "environment", "observation": {"content": "A desk."}},
    {
        "source": "agent",
        "action": "call_tool_mcp",
        "args": {"name": "act", "arguments": {"action": "open desk 1"}, "thought": ""},
    },
    {"source": "environment", "observation": "mcp", "content": "Open.", "extras": {}},
]
LABELLED = [
    {"label": "action", "value": "think: I look."},
    {"label": "observation", "value": "OK."},
    {"label": "action", "value": "look"},
    {"label": "observation", "value": "A desk."},
    {"label": "action", "value": "open desk 1"},
    {"label": "observation", "value": "Open."},
]
EXAMPLE = "You are in a den. Your task is to: take a pen.\n> take pen\nYou take it."
LOG = """> think: I look.
OK.
> look
A desk.
> open desk 1
Open."""


@pytest.mark.parametrize(
    "record",
    [
        {"instance_id": "x", "history": OPENHANDS},
        OPENHANDS,
        {"history": [[ASKED, {**SEEN, "observation": "null"}], [RUN, SEEN], OPENHANDS[-2:]]},
        {"input": TASK, "intermediate_steps": [[LOOK, "A desk."], [OPEN, "Open."]], "output": "x"},
        {
            "input": TASK,
            "intermediate_steps": [[serialised(LOOK), "A desk."], [serialised(OPEN), "Open."]],
        },
        {
            "input": TASK,
            "steps": [
                {"action": LOOK, "observation": "A desk."},
                {"action": OPEN, "observation": "Open."},
            ],
        },
        {
            "input": TASK,
            "intermediate_steps": [
                ["tool='act' tool_input='look' log='I look.'", "A desk."],
                ["AgentAction(tool='act', tool_input={'action': 'open desk 1'}, log='')", "Open."],
            ],
        },
        {"events": SDK},
        {"_history": LABELLED, "_cur_query": f"Interact.\n{EXAMPLE}\nHere is the task:\n{TASK}"},
        {
            "env_history": f"Interact.\n{EXAMPLE}\n\nYour memory for the task below:\nTrial 0:\n"
            f"I was slow.\nHere is the task:\n{TASK}\n{LOG}"
        },
    ],
)
def test_what_programs_log_is_read(record):
    (told,) = read_record(record)
    assert told.first_observation == TASK
    assert [step.action for step in told.steps] == ["look", "open desk 1"]
    assert [step.observation for step in told.steps] == ["A desk.", "Open."]
    assert told.steps[0].thought.endswith("I look.") or "history" in record


def test_a_text_that_langchain_could_not_read_is_an_invalid_turn():
    failed = [call("_Exception", "Invalid format", "I should look."), "Invalid format"]
    (told,) = read_record({"input": TASK, "intermediate_steps": [failed, [LOOK, "A desk."]]})
    assert [(s.action, s.valid) for s in told.steps] == [("", False), ("look", True)]


def test_what_no_environment_answered_is_said():
    xlam = {"query": "q", "answers": '[{"name": "f", "arguments": {"x": 1}}]', "tools": "[]"}
    with pytest.raises(ValueError, match=r"answers\[0\] has neither a role nor an observation"):
        read_record(xlam)
