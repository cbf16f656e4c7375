"""Fields and marks of other publishers: each record tells the same first turn."""

import pytest

from tests.trajectory.reading.chats import CALL, TASK, actions
from tratree.trajectory.reading.records import read_record


@pytest.mark.parametrize(
    "record",
    [
        {
            "task": TASK,
            "steps": [
                {"thought": "x", "action": "look", "observation": "A desk."},
                {"thought": "y", "action": "sit", "observation": "ok"},
            ],
        },
        {
            "taskDescription": "Your task is to boil water.",
            "variationIdx": 3,
            "path": [
                {
                    "action": "look around",
                    "observation": "This room is called the kitchen.",
                    "score": "0.0",
                    "isCompleted": "false",
                },
                {
                    "action": "open door",
                    "observation": "open",
                    "score": "1.0",
                    "isCompleted": "true",
                },
            ],
        },
        {"initial_observation": TASK, "trajectory": [{"action": "look", "observation": "A desk."}]},
        {
            "goal": "find a cup",
            "init_obs": "You are in a hall.",
            "steps": [{"action": "look", "obs": "A desk."}],
        },
        {
            "Conversations": [
                {"From": "Human", "Value": TASK},
                {"From": "GPT", "Value": "Action: look"},
            ]
        },
        {"conversations": {"from": ["human", "gpt"], "value": [TASK, "Action: look"]}},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "x"}},
                        {"type": "text", "text": TASK},
                    ],
                },
                {"role": "assistant", "content": "Action: look"},
            ]
        },
        {
            "conversation": [
                {"human": TASK, "assistant": "Action: look"},
                {"human": "A desk.", "assistant": "Action: sit"},
            ]
        },
        {"query": TASK, "response": "Action: look", "history": []},
        {
            "events": [
                {"role": "user", "content": TASK},
                {"role": "assistant", "content": "Action: look"},
            ]
        },
        {"instruction": TASK, "actions": ["look", "sit"], "observations": ["A desk.", "ok"]},
        {
            "trajectory": {
                "0": {"observation": TASK, "action": "look"},
                "1": {"observation": "A desk.", "action": "sit"},
            }
        },
        {"steps": [{"env_observation": TASK, "agent_action": "look"}]},
        {"steps": [{"observation": TASK, "model_output": "Thought: x\nAction: look"}]},
        {
            "messages": [
                {"role": "user", "content": TASK},
                {"role": "assistant", "content": "Action: look"},
                {"role": "tool_error", "content": "err"},
                {"role": "assistant", "content": "Action: sit"},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": {"type": "text", "text": TASK}},
                {"role": "assistant", "content": {"thought": "x", "action": "look"}},
            ]
        },
        {
            "text": f"<|user|>\n{TASK}<|assistant|>\n"
            "Action: look<|observation|>\nA desk.<|assistant|>\nAction: sit",
        },
        {
            "text": f"<|system|>\nr</s>\n<|user|>\n{TASK}</s>\n<|assistant|>\nAction: look</s>\n",
        },
        {
            "text": f"### Instruction:\n{TASK}\n\n### Response:\nAction: look",
        },
        {
            "text": f"<｜begin▁of▁sentence｜><｜User｜>{TASK}<｜Assistant｜>"
            "Action: look<｜end▁of▁sentence｜>",
        },
        {
            "text": f"<|start|>user<|message|>{TASK}<|end|><|start|>assistant"
            "<|channel|>final<|message|>Action: look<|return|>",
        },
        {
            "contents": [
                {"role": "user", "parts": [{"text": TASK}]},
                {
                    "role": "model",
                    "parts": [{"functionCall": {"name": "act", "args": {"action": "look"}}}],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "act", "response": {"result": "A desk."}}}
                    ],
                },
            ]
        },
        {"messages": [{"role": "user", "content": TASK}], "output": "Action: look"},
        {"prompt": [{"role": "user", "content": TASK}], "responses": ["<action>look</action>"]},
        {"prompts": [TASK, "A desk."], "responses": ["Action: look", "Action: sit"]},
        {"messages": [{"message": {"role": "user", "content": TASK}}, ["gpt", "Action: look"]]},
        {"steps": [{"observation": {"text": TASK}, "action": CALL["function"]}]},
        {"steps": [{"observation": TASK, "raw_action": "Thought: x\nAction: look"}]},
        {"conversations": [["user", TASK], ["gpt", '[act(action="look")]'], ["tool", "A desk."]]},
        {
            "trajectory": [
                {"Goal": TASK, "id": 0},
                {"Action": "look", "id": 1},
                {"Observation": "A desk.", "id": 1},
            ]
        },
        {
            "task": TASK,
            "steps": [
                {"action": "look", "observation": "A desk.", "response": "x", "state": "{}"},
                {"action": "sit", "observation": "ok", "response": "x", "state": "{}"},
            ],
        },
        {"task": TASK, "steps": [{"tool_calls": [CALL], "observations": "A desk."}]},
        {
            "goal": TASK,
            "chain": [
                {
                    "action": {"name": "act", "params": {"action": "look"}},
                    "observation": "A desk.",
                }
            ],
        },
        {
            "chat_history": [
                {"role": "user", "blocks": [{"block_type": "text", "text": TASK}]},
                {
                    "role": "assistant",
                    "parts": [{"type": "tool-call", "toolName": "look", "args": {}}],
                },
            ]
        },
        {
            "messages": [
                {"role": "user", "content": [{"text": TASK}]},
                {"role": "assistant", "content": [{"toolUse": {"name": "look", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"content": [{"text": "A desk."}]}}]},
            ]
        },
        {
            "messages_and_choices": [
                {"role": "user", "content": TASK},
                {"index": 0, "message": {"role": "assistant", "content": "Action: look"}},
            ]
        },
        {"init_prompt": TASK, "turns": [{"response": "Action: look", "env_feedback": "A desk."}]},
        {
            "messages": [
                {"source": "user", "content": TASK},
                {"source": "gpt", "content": "Act: look"},
            ]
        },
        {
            "messages": [
                {
                    "lc": 1,
                    "id": ["langchain", "schema", "HumanMessage"],
                    "kwargs": {"content": TASK, "type": "human"},
                },
                {
                    "lc": 1,
                    "id": ["langchain", "schema", "AIMessage"],
                    "kwargs": {"content": "", "tool_calls": [{"name": "look", "args": {}}]},
                },
            ]
        },
        {
            "conversations": str(
                [{"from": "human", "value": TASK}, {"from": "gpt", "value": "Action: look"}]
            )
        },
        {
            "goal": TASK,
            "trajectory": {"thoughts": ["a"], "actions": ["look"], "observations": ["A desk."]},
        },
        {
            "status": "completed",
            "output": {
                "history": [
                    {"role": "user", "content": TASK},
                    {"role": "agent", "content": "ACTION: look"},
                ]
            },
        },
    ],
)
def test_fields_and_marks_of_other_publishers_are_read(record):
    (told,) = read_record(record)
    assert "find a cup" in told.first_observation or "boil water" in told.first_observation
    assert actions(told)[0] in ("look", "look around")
    assert told.steps[0].observation in ("", "A desk.", "err", "This room is called the kitchen.")
