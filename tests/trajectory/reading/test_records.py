"""Records of every published form: what was said, where the episode begins, how it ended."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.external_data import external_data
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record

TASK = "You are in a hall. Your task is to: find a cup."
DEN = "You are in a den. Your task is to: take a pen."


def chat(*turns, **fields):
    """Return a ShareGPT record; turns are (speaker, text) or whole messages."""
    messages = [t if isinstance(t, dict) else {"from": t[0], "value": t[1]} for t in turns]
    return {**fields, "conversations": messages}


def actions(trajectory):
    return [step.action for step in trajectory.steps]


def expect(record, expected, environment=None):
    """Check a record against a case of the external data."""
    if "refused" in expected:
        with pytest.raises(RecordError, match="scale"):
            read_record(record, environment)
        return
    (told,) = read_record(record, environment)
    observed = {
        "score": told.score,
        "success": told.success,
        "unknown": not told.scored,
        "actions": actions(told),
        "steps": len(told.steps),
        "first_step_valid": told.steps[0].valid,
        "trained_actions": [step.action for step in told.steps if step.trained],
    }
    contained = expected.get("first_observation_contains", "")
    assert contained in told.first_observation
    assert {key: observed[key] for key in expected if key in observed} == {
        key: value for key, value in expected.items() if key in observed
    }


def test_published_cases():
    path = external_data("cases/trajectories.json")
    if path is None:
        pytest.skip("the external data have no cases (TRATREE_DATA)")
    cases = json.loads(path.read_text())
    for record, expected in [*cases["scores"], *cases["begin"]]:
        expect(record, expected)
    for record, expected in cases["forms"]:
        expect(record, {"actions": expected})


CALL = {"function": {"name": "act", "arguments": '{"action": "look"}'}}
ALFWORLD_STEPS = [
    {"observation": TASK, "thought": "a", "action": "look", "reward": 0},
    {"observation": "A desk.", "action": "open desk 1", "reward": 1},
]


@pytest.mark.parametrize(
    "record",
    [
        chat(("human", TASK), ("gpt", "Action: look")),
        chat(("user", TASK), ("assistant", "Action: look")),
        {
            "conversations": [
                {"role": "user", "content": TASK},
                {"from": "gpt", "content": "Action: look"},
            ]
        },
        {"conversation": [{"input": TASK, "output": "Action: look", "system": "Act."}]},
        {
            "messages": [
                {"role": "system", "content": "Act."},
                {"role": "user", "content": f"Observation: {TASK}"},
                {"role": "assistant", "content": "<think>a</think><action>look</action>"},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": TASK}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "I see."},
                        {"type": "tool_use", "name": "act", "input": {"action": "look"}},
                    ],
                },
            ]
        },
        {
            "messages": [
                {"role": "user", "content": TASK},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": TASK},
                {"role": "assistant", "content": "", "function_call": CALL["function"]},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": TASK},
                {
                    "role": "assistant",
                    "content": "Action: look",
                    "reasoning_content": "a",
                    "tool_calls": None,
                },
            ]
        },
        chat(
            ("human", TASK),
            ("function_call", '{"name": "act", "arguments": {"action": "look"}}'),
            ("observation", "A desk."),
        ),
        chat(
            ("human", TASK),
            ("gpt", "I look."),
            ("function_call", '{"name": "look", "arguments": {}}'),
            ("observation", "A desk."),
        ),
        {
            "conversations": json.dumps(
                [
                    {"role": "user", "content": TASK},
                    {"role": "assistant", "content": "Action: look"},
                ]
            )
        },
        {
            "prompt": [{"role": "user", "content": TASK}],
            "completion": [{"role": "assistant", "content": "Action: look"}],
        },
        {"prompt": TASK, "response": "Action: look"},
        {"instruction": TASK, "input": "", "output": "Action: look"},
        {"text": f"<|im_start|>user\n{TASK}<|im_end|><|im_start|>assistant\nAction: look"},
        {"text": f"{TASK}\n> think: where is it?\nOK.\n> look\nA desk."},
        {"text": f"{TASK}\nThought 1: a\nAction 1: look\nObservation 1: A desk."},
        {
            "content": [
                {"class_": "text_observation", "content": TASK, "source": "user"},
                {"class_": "api_action", "function": "look", "kwargs": {}, "description": "a"},
            ]
        },
        {
            "content": [
                {"class_": "text_observation", "content": TASK, "source": "user"},
                {"content": "look", "description": "a"},
            ]
        },
        {"trajectory": ALFWORLD_STEPS[:1]},
        {"system": "Act.", **chat(("human", TASK), ("gpt", "Action: look"))},
        {"text": f"<s>[INST] <<SYS>>\nAct.\n<</SYS>>\n\n{TASK} [/INST] Action: look </s>"},
        {
            "text": f"<bos><start_of_turn>user\n{TASK}<end_of_turn>\n"
            "<start_of_turn>model\nAction: look<end_of_turn>\n"
        },
        {"text": f"A chat. USER: {TASK} ASSISTANT: Action: look</s>USER: A desk."},
        {"text": f"\n\nHuman: {TASK}\n\nAssistant: Action: look\n\nHuman: A desk."},
        {"trajectory": [{"Observation": TASK, "Thought": "a", "Action": "look", "reward": 0}]},
        {"observations": [TASK, "A desk."], "actions": ["look"]},
        {"messages": [{"type": "human", "content": TASK}, {"type": "ai", "content": "> look"}]},
        {
            "messages": [
                {"type": "human", "data": {"content": TASK}},
                {"type": "ai", "data": {"content": "Action: look"}},
            ]
        },
        {"conversations": [TASK, "Action: look", "A desk."]},
        {"conversations": [["user", TASK], ["assistant", "Action: look"]]},
        {"data": {"messages": [{"role": "user", "content": TASK}, ["assistant", "> look"]]}},
        {
            "contents": [
                {"role": "user", "parts": [{"text": TASK}]},
                {"role": "model", "parts": [{"text": "Action: look"}]},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": TASK},
                {"type": "function_call", "name": "act", "arguments": '{"action": "look"}'},
                {"type": "function_call_output", "output": "A desk."},
            ]
        },
    ],
)
def test_every_form_is_read(record):
    (told,) = read_record(record)
    assert told.first_observation == TASK
    assert actions(told) == ["look"]
    assert told.steps[0].observation in ("", "A desk.")
    assert told.steps[0].valid
    assert told.steps[0].trained or "prompt" not in record
    assert not told.scored or "trajectory" in record


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


ASKED = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TASK}]}
REASONED = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I see."}]}
CALLED = {"type": "function_call", "call_id": "1", "name": "act", "arguments": '{"action": "look"}'}
CALLED_2 = {**CALLED, "call_id": "2", "arguments": '{"action": "go"}'}
ANSWERED = {"type": "function_call_output", "call_id": "1", "output": "A desk."}
SPOKEN = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "I see."}],
}


@pytest.mark.parametrize(
    "record",
    [
        {"input": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {"input": TASK, "output": [SPOKEN, CALLED, ANSWERED, CALLED_2]},
        {"input": [ASKED, SPOKEN, CALLED, ANSWERED], "output": [CALLED_2], "instructions": "Act."},
        {"input": json.dumps([ASKED, REASONED, CALLED, ANSWERED, CALLED_2])},
        {"input": [ASKED, SPOKEN, CALLED, CALLED_2, {**ANSWERED, "call_id": "2"}, ANSWERED]},
        {"messages": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {"items": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {
            "request": {"body": {"input": [ASKED, SPOKEN, CALLED, ANSWERED]}},
            "response": {"body": {"output": [CALLED_2]}},
        },
        {
            "request": {
                "messages": [
                    {"role": "user", "content": TASK},
                    {"role": "assistant", "content": "I see.", "tool_calls": [CALL]},
                    {"role": "tool", "content": {"observation": "A desk."}},
                ]
            },
            "response": {"choices": [{"message": {"role": "assistant", "content": "> go"}}]},
        },
    ],
)
def test_responses_and_logged_requests_are_read(record):
    (told,) = read_record(record)
    assert told.first_observation == TASK
    assert actions(told) == ["look", "go"]
    assert (told.steps[0].thought, told.steps[0].observation) == ("I see.", "A desk.")


def test_a_text_asked_and_a_text_answered_are_a_conversation():
    (told,) = read_record({"input": TASK, "output": "Action: look"})
    assert (told.first_observation, actions(told)) == (TASK, ["look"])


def test_several_answered_calls_of_a_message_are_as_many_turns():
    def call(number, action):
        return {"id": f"c{number}", "function": {"name": "act", "arguments": {"action": action}}}

    def answer(number, text):
        return {"role": "tool", "tool_call_id": f"c{number}", "content": text}

    asked = {"role": "assistant", "content": "Two.", "tool_calls": [call(1, "look"), call(2, "go")]}
    front = [{"role": "user", "content": TASK}, asked]
    (told,) = read_record({"messages": [*front, answer(2, "You go."), answer(1, "A desk.")]})
    assert [(s.thought, s.action, s.observation) for s in told.steps] == [
        ("Two.", "look", "A desk."),
        ("", "go", "You go."),
    ]
    with pytest.raises(RecordError, match="no turn with an action"):
        read_record({"messages": [*front, answer(1, "A desk.")]})
    masked = [front[0], {**asked, "loss": False}, answer(1, "A desk."), answer(2, "You go.")]
    (told,) = read_record({"messages": masked})
    assert [s.trained for s in told.steps] == [False, False]


def test_an_unwanted_completion_is_as_a_rejected_one():
    told = [
        read_record({"prompt": TASK, "completion": "Action: look", "label": label})[0]
        for label in (True, False)
    ]
    assert [t.record.get("part") for t in told] == [None, "rejected"]
    assert [(t.scored, t.success) for t in told] == [(True, True), (True, False)]


def test_steps_with_observations_before_or_after_actions():
    (before,) = read_record({"steps": ALFWORLD_STEPS})
    after = [
        {"obs": TASK, "action": "look", "next_obs": "A desk."},
        {"obs": "A desk.", "action": "open desk 1", "next_obs": "Open."},
    ]
    (both,) = read_record({"history": after})
    assert actions(before) == actions(both) == ["look", "open desk 1"]
    assert [s.observation for s in before.steps] == ["A desk.", ""]
    assert [s.observation for s in both.steps] == ["A desk.", "Open."]
    assert (before.score, before.success) == (1.0, True)
    (early,) = read_record({"rollout": [{**s, "reward": 1 - n} for n, s in enumerate(after)]})
    assert (early.score, early.success) == (1.0, True)
    running = [{**s, "reward": 20 + n, "score": 20 + 21 * n} for n, s in enumerate(after)]
    (last,) = read_record({"steps": running}, "scienceworld")
    assert last.score == pytest.approx(0.41)
    (last,) = read_record({"steps": [{**s, "info": {"won": n == 1}} for n, s in enumerate(after)]})
    assert (last.score, last.success) == (1.0, True)


def test_preference_pairs_tell_two_trajectories():
    prompt = [
        {"from": "human", "value": TASK},
        {"from": "gpt", "value": "Action: look"},
        {"from": "human", "value": "A desk."},
    ]
    record = {
        "conversations": prompt,
        "chosen": {"from": "gpt", "value": "Action: open desk 1"},
        "rejected": {"from": "gpt", "value": "Action: sit"},
        "score_chosen": 0.9,
        "score_rejected": 0.1,
    }
    chosen, rejected = read_record(record)
    assert actions(chosen) == ["look", "open desk 1"]
    assert actions(rejected) == ["look", "sit"]
    assert [s.trained for s in chosen.steps] == [False, True]
    assert (chosen.score, rejected.score, rejected.record["part"]) == (0.9, 0.1, "rejected")


def test_a_pair_may_hold_whole_conversations():
    said = [{"role": "user", "content": TASK}, {"role": "assistant", "content": "Action: look"}]
    chosen, _ = read_record({"prompt": TASK, "chosen": said, "rejected": said})
    assert actions(chosen) == ["look"]
    assert chosen.steps[0].trained


RULES = "You act in a household. Answer as:\nThought: your thoughts\nAction: your next action"
ICL = [
    ("human", DEN),
    ("gpt", "Action: take pen 1"),
    ("human", "Observation: Taken."),
    ("gpt", "Action: stop"),
]
REAL = [("human", TASK), ("gpt", "Action: look")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (chat(("human", RULES), ("gpt", "OK"), *ICL, *REAL), ["look"]),
        (chat(("human", RULES), ("gpt", "OK"), *ICL[:3], *REAL[1:]), ["take pen 1", "look"]),
        (chat(("human", RULES), ("gpt", "OK. I'll follow your instructions."), *REAL), ["look"]),
        (
            chat(
                ("human", RULES),
                ("gpt", "Understood. Thought: so. Action: act."),
                ("human", "Hall."),
                REAL[1],
            ),
            ["look"],
        ),
        (chat(("human", RULES), ("gpt", "OK"), ("human", "Hall."), REAL[1]), ["look"]),
        (chat(("human", f"{RULES}\n{DEN}\nNow it's your turn.\n{TASK}"), REAL[1]), ["look"]),
        (chat(("system", RULES), *REAL), ["look"]),
        (chat(("gpt", "Hello, I am ready."), *REAL), ["look"]),
        (
            chat(*REAL, ("human", f"Task Description:\n{TASK}"), ("gpt", "Action: go")),
            ["look", "go"],
        ),
        (
            chat(
                ("human", f"{TASK} It's your turn."),
                REAL[1],
                ("human", f"{TASK} It's your turn."),
                REAL[1],
            ),
            ["look", "look"],
        ),
        (
            chat(
                ("human", "Hall."),
                ("gpt", "Okay, I look around. Action: look"),
                ("human", "A desk."),
                ("gpt", "Action: go"),
            ),
            ["look", "go"],
        ),
        (chat(("human", TASK), ("gpt", "OK, first I look.\nAction: look")), ["look"]),
        (
            chat(("human", TASK), ("gpt", "Okay. I go to it."), ("human", "Error"), REAL[1]),
            ["", "look"],
        ),
        (
            chat(("human", TASK), ("gpt", "Hm."), ("human", "Error"), ("gpt", "Action: look")),
            ["", "look"],
        ),
        (
            chat(
                ("human", "WebShop [SEP] Instruction: [SEP] find a pen [SEP] Search"),
                ("gpt", "Action: click[x]"),
                ("human", "WebShop [SEP] Instruction: [SEP] find a cup [SEP] Search"),
                ("gpt", "Action: search[cup]"),
                ("human", "Instruction: [SEP] find a cup [SEP] Page 1"),
                ("gpt", "Action: click[b0]"),
            ),
            ["search[cup]", "click[b0]"],
        ),
    ],
)
def test_where_an_episode_begins(record, expected):
    (told,) = read_record(record)
    assert actions(told) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            [
                "Goal: a cup",
                "Action: take cup",
                "Taken.",
                "Action: stop",
                "New task. Goal: a pen",
                "Action: take pen",
            ],
            ["take pen"],
        ),
        (["Goal: a cup", "Action: take cup", "Goal: a pen", "Action: take pen"], ["take pen"]),
        (
            [
                "Task: put a mug on the desk",
                "Action: a",
                "Done.\n\nTask: cool some bread",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Example 1:\nGoal: a cup",
                "Action: a",
                "ok",
                "Action: b",
                "Example 2:\nGoal: a hat",
                "Action: c",
                "Now solve this.\nGoal: a pen",
                "Action: d",
            ],
            ["d"],
        ),
        (
            [
                "Here is an example.\nObjective: heat the soup",
                "Action: a",
                "The task is done.",
                "Action: b",
                "Objective: boil the water",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Question: find a red shirt\nInstruction: find a red shirt",
                "Action: a",
                "New question. Instruction: find a blue hat",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "[Example] Your mission is to feed the cat.",
                "Action: a",
                "[Task] Your mission is to feed the dog.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            ["Goal: a cup", "Action: a", "You see a sign that reads:\nGoal: a pen", "Action: b"],
            ["a", "b"],
        ),
        (
            ["Goal: a cup", "Action: a", 'The note says "New task. Goal: a pen"', "Action: b"],
            ["a", "b"],
        ),
        (["Goal: a cup", "Action: a", "Nothing happens.", "Action: b"], ["a", "b"]),
        (
            [
                "Goal: a cup",
                "Action: a",
                "Goal: a cup\nObservation: a desk.",
                "Action: b",
                "Goal: a cup\nObservation: a shelf.",
                "Action: c",
            ],
            ["a", "b", "c"],
        ),
        (
            [
                "You are in a room.\nYour task is to: put a mug in desk.",
                "I will walk to the desk first.",
                "Invalid format.",
                "Action: go to desk 1",
            ],
            ["", "go to desk 1"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Sure! I will respond with Thought: and Action: lines.",
                "Your task is to: find a cup. You are in a hall.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "OK, got it.\nThought: I need to wait for the task.\nAction: wait",
                "Your task is to: find a cup. You are in a hall.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Noted. Please give me the task.",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "I have read the rules and will comply.",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Ok!",
                "WebShop [SEP] Instruction: [SEP] red cup [SEP] Search",
                "Action: search[red cup]",
            ],
            ["search[red cup]"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "好的，我明白了。",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (["Task 1: put a mug in desk", "Action: a", "Task 2: cool some bread", "Action: b"], ["b"]),
        (
            [
                "Your goal is to heat an egg.",
                "Action: a",
                "Well done! Next, your goal is to cool some bread.",
                "Action: b",
            ],
            ["b"],
        ),
        (["Goal: a cup", "Action: a", "--- END OF EXAMPLE ---\nGoal: a pen", "Action: b"], ["b"]),
        (
            [
                "### Task\nput a mug in desk\n### Observation\nA room.",
                "Action: a",
                "### Task\ncool some bread\n### Observation\nA den.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Task Description: Your task is to boil water.",
                "Action: look around",
                "This room is called the kitchen.",
                "Action: open sink",
                "Your current task is to boil water. This room is called the kitchen.",
                "Action: c",
            ],
            ["look around", "open sink", "c"],
        ),
        (
            [
                "Mission: fetch the key",
                "> go east",
                "You go.",
                "> take key",
                "Mission: open the chest",
                "> open chest",
            ],
            ["open chest"],
        ),
        (
            [
                "Demonstration\nYou are in a room. Your task is to: put a pan in sink.",
                "Action: a",
                "ok",
                "Action: b",
                "Demonstration ends.\nYou are in a room. Your task is to: put a mug in desk.",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Episode 1. Your goal is: get the hat.",
                "Action: a",
                "Episode 2. Your goal is: get the scarf.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "**Task:** find a cup",
                "Action: a",
                "OK.",
                "Action: b",
                "**Task:** find a pen",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "## Goal\nfind a cup",
                "Action: a",
                "## Goal\nfind a cup\n## Observation\nA desk.",
                "Action: b",
            ],
            ["a", "b"],
        ),
        (["You read the diary: 'Goal: become rich'.", "Action: a", "ok", "Action: b"], ["a", "b"]),
        (
            [
                "Your task is to: find a cup.",
                "Action: read book",
                "The book's first page:\n\nYour task is to: bury the treasure.",
                "Action: b",
            ],
            ["read book", "b"],
        ),
        (["Goal: a cup", "Action: a", "Your score is now 5. Goal: a cup", "Action: b"], ["a", "b"]),
        (
            [
                "Rules of the shop.",
                "Great, let us begin.",
                "Instruction: [SEP] a red hat, price lower than 20 dollars",
                "Action: search[red hat]",
            ],
            ["search[red hat]"],
        ),
        (
            [
                "Rules of the shop.",
                "Action: search[red hat]",
                "Invalid action. Instruction: find a red hat",
                "Action: search[hat]",
            ],
            ["search[red hat]", "search[hat]"],
        ),
        (
            [
                "What should I do?\nYour task is to: find a cup.",
                "Let me think about this carefully.",
                "No action was found in your answer.",
                "Action: look",
            ],
            ["", "look"],
        ),
        (
            [
                "Task: heat egg",
                "Action: a",
                "You heat it.",
                "Action: b",
                "Congratulations, task completed! Now a new task: cool bread",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Your task is to: heat egg.",
                "Action: a",
                "You heat it. Task completed.",
                "Action: stop",
                "Current task: cool bread. You are in a room.",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Instruction: find red hat",
                "Action: search[red hat]",
                "[Page 1] Instruction: find red hat [SEP] b0",
                "Action: click[b0]",
                "Page. Instruction: find red hat",
                "Action: click[buy now]",
            ],
            ["search[red hat]", "click[b0]", "click[buy now]"],
        ),
        (["任务：找到杯子", "Action: look", "你看到一张桌子", "Action: b"], ["look", "b"]),
        (
            ["Goal: a cup", "Action: a", "You find a card. It says: Goal: a pen", "Action: b"],
            ["a", "b"],
        ),
        (
            [
                "Below is an example.\n---\nTask: heat egg",
                "Action: a",
                "---\nNow solve the following.\nTask: cool bread",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Here are the rules. Example:\nTask: heat egg\nAction: x\n\nDo you understand?",
                "Yes.",
                "Task: cool bread",
                "Action: b",
            ],
            ["b"],
        ),
        (["Task 3/10: heat egg", "> a", "Task 4/10: cool egg", "> b"], ["b"]),
        (
            ["Your task is to: heat egg.", "> a", "You win!\nYour task is to: cool egg.", "> b"],
            ["b"],
        ),
        (["Goal: heat egg", "> a", "Goal: completed", "> b"], ["a", "b"]),
        (["Task: cup", "> a", "Thanks! Next customer. Task: hat", "> b"], ["b"]),
        (["Task: heat egg", "> a", "Task: done. Score: 1", "> b"], ["a", "b"]),
        (["Task: heat egg", "> a", "Page 1:\n\nTask: cool egg", "> b"], ["a", "b"]),
    ],
)
def test_where_the_last_of_two_tasks_begins(texts, expected):
    (told,) = read_record(chat(*zip(["human", "gpt"] * len(texts), texts, strict=False)))
    assert actions(told) == expected


ROOM = "You are in the middle of a room. Looking quickly around you, you see a"
OPENINGS = {
    "alfworld": f"{ROOM} desk 1.\n\nYour task is to: put a mug in desk.",
    "scienceworld": "Task Description:\nYour task is to boil water. Any water will do.",
    "webshop": "WebShop [SEP] Instruction: [SEP] i need a red cup [SEP] Search",
    "own": TASK,
    "unlabelled": "You are in a yard. Boil the water.",
}
SECOND = {
    "alfworld": f"{ROOM} shelf 2.\n\nYour task is to: cool some bread.",
    "scienceworld": "Task Description:\nYour task is to find a(n) animal.",
    "webshop": "WebShop [SEP] Instruction: [SEP] find a blue shirt [SEP] Search",
    "own": DEN,
    "unlabelled": f"Now it's your turn. {DEN}",
}
IN_THE_WORLD = [
    "The task is: wash the dishes.",
    'The note says: "Your task is to: leave the room."',
    "You open the letter.\nYour task is to: feed the cat.",
    "Task: water the plants",
    "You see a sign. Here is your task: feed the cat.",
    "It's your turn",
    "Now your real task begins",
    "The robot says it is your turn. Your task is to: dance.",
    "Instruction: [SEP] i need a red cup [SEP] Description: Instruction: apply daily.",
    "You are in a hall. On the wall: Your task is to: leave.",
    f"{ROOM} note. The note says: Your task is to: run.",
    "Your task is done.",
    "Your goal: 10/10",
    "Your task is to keep quiet, says the librarian.",
    "In it, you see: the book (containing: Task Description: your task is to sing)",
]


@pytest.mark.parametrize("env", OPENINGS)
def test_only_an_opening_opens_an_episode(env):
    for front in ([], [("human", RULES), ("gpt", "OK")]):
        for note in IN_THE_WORLD:
            turns = [*front, ("human", OPENINGS[env]), REAL[1], ("human", note), ("gpt", "> go")]
            (told,) = read_record(chat(*turns))
            assert actions(told) == ["look", "go"], note
            assert told.steps[0].observation == note
        example = [*front, ("human", OPENINGS[env]), REAL[1], ("human", "A desk."), REAL[1]]
        (told,) = read_record(chat(*example, ("human", SECOND[env]), ("gpt", "> go")))
        assert actions(told) == ["go"]


def test_messages_in_a_row_are_joined_but_where_a_task_opens():
    later = [("human", "A desk."), ("human", "Think!"), REAL[1]]
    (told,) = read_record(chat(("human", RULES), *REAL, *later))
    assert told.first_observation == TASK
    assert told.steps[0].observation == "A desk.\nThink!"
    (told,) = read_record(chat(*ICL[:3], *REAL))
    assert told.first_observation == TASK
    reminded = chat(*REAL, ("human", "A desk."), ("human", TASK), REAL[1])
    (told,) = read_record(reminded)
    assert told.steps[0].observation == f"A desk.\n{TASK}"


def test_a_goal_said_again_in_fewer_words_opens_nothing():
    first = "WebShop [SEP] Instruction: [SEP] i need a red cup, and price lower than 9 dollars"
    page = "Instruction: [SEP] i need a red cup [SEP] Back to Search [SEP] Page 1"
    said = [
        ("human", first),
        ("gpt", "Act: search[cup]"),
        ("human", page),
        ("gpt", "Act: click[b]"),
    ]
    (told,) = read_record(chat(*said))
    assert (told.first_observation, actions(told)) == (first, ["search[cup]", "click[b]"])


def test_examples_of_the_same_message_do_not_open_it():
    example = f"Here is an example:\n{DEN}\n> take pen\nYou take it."
    for mark in ("Here is the task:", "Now here is the real task."):
        (told,) = read_record(chat(("human", f"{example}\n\n{mark}\n{TASK}"), ("gpt", "Act: sit")))
        assert told.first_observation == TASK


def test_a_goal_before_a_polite_answer_stays():
    (told,) = read_record(
        chat(("human", f"Rules. {TASK}"), ("gpt", "OK"), ("human", "A hall."), REAL[1])
    )
    assert "find a cup" in told.first_observation
    assert "A hall." in told.first_observation
    assert actions(told) == ["look"]


def test_flags_of_what_is_trained_on_are_kept():
    masked = {"from": "gpt", "value": "Action: sit", "loss": False}
    trained = {"from": "gpt", "value": "Action: look", "loss": True}
    (told,) = read_record(chat(("human", TASK), masked, ("human", "You sit."), trained))
    assert [(s.action, s.trained) for s in told.steps] == [("sit", False), ("look", True)]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, None),
        ({"reward": None, "success": None}, None),
        ({"success": False}, (0.0, False)),
        ({"success": "true"}, (1.0, True)),
        ({"won": 1}, (1.0, True)),
        ({"score": 0}, (0.0, False)),
        ({"score": "0.75"}, (0.75, False)),
        ({"score": "75%"}, (0.75, False)),
        ({"score": "35/100", "env": "sciworld"}, (0.35, False)),
        ({"score": True}, (1.0, True)),
        ({"meta": {"reward": 0, "success": False}}, (0.0, False)),
        ({"info": {"won": True}}, (1.0, True)),
        ({"extra": {"meta": {"final_reward": 0.5}}}, (0.5, False)),
        ({"meta": {"reward": 0.3, "success": True}}, (0.3, True)),
        ({"rewards": [0, 0, 1]}, (1.0, True)),
        ({"outcome": "failure"}, (0.0, False)),
        ({"meta": {"status": "Success"}}, (1.0, True)),
        ({"status": "completed"}, None),
        ({"rewards": [0.1, 0.4]}, (0.4, False)),
        ({"rewards": [0, None, 0]}, (0.0, False)),
        ({"scores": [0.5, 0.2]}, (0.2, False)),
        ({"reward": 50, "env": "sciworld"}, (0.5, False)),
        ({"reward": 100, "id": "sciworld_12"}, (1.0, True)),
        ({"reward": -100, "task_type": "boil", "dataset": "ScienceWorld"}, (0.0, False)),
        ({"reward": 1, "environment": "scienceworld"}, (1.0, True)),
        ({"reward": 10.0, "data_source": "alfworld"}, (1.0, True)),
        ({"isSuccess": False}, (0.0, False)),
        ({"Reward": 0}, (0.0, False)),
        ({"meta.reward": 0.5}, (0.5, False)),
        ({"extra.won": [False]}, (0.0, False)),
        ({"metrics": {"success": 0.0}}, (0.0, False)),
        ({"eval_result": {"finalScore": 0}}, (0.0, False)),
        ({"success_rate": 0.0}, (0.0, False)),
        ({"outcome_reward": 0}, (0.0, False)),
        ({"final_info": {"won": False}}, (0.0, False)),
        ({"metadata": '{"reward": 0.0}'}, (0.0, False)),
        ({"failed": True}, (0.0, False)),
        ({"unsuccessful": True}, (0.0, False)),
        ({"goal_reached": "no"}, (0.0, False)),
        ({"completed": False}, (0.0, False)),
        ({"completed": True}, None),
        ({"result": 0}, (0.0, False)),
        ({"outcome": 0.4}, (0.4, False)),
        ({"status": 0}, None),
        ({"reward": "", "score": "N/A", "success": "unknown"}, None),
        ({"rewards": {"total_reward": 0}}, (0.0, False)),
        ({"score": 40, "max_score": 100}, (0.4, False)),
        ({"score": 1, "max_score": 100, "env": "sciworld"}, (0.01, False)),
        ({"task_status": "FAILED"}, (0.0, False)),
        ({"episode": {"cum_reward": 0}}, (0.0, False)),
        ({"env_rewards": [0, 0]}, (0.0, False)),
        ({"label": False}, (0.0, False)),
        ({"score": -1, "max_score": 100, "env": "sciworld"}, (0.0, False)),
        ({"reward_model": {"score": 1}, "config": {"reward": 5}, "format_reward": 1}, None),
        ({"env_metrics": {"webshop/success": 0.0, "webshop/num_actions": 5}}, (0.0, False)),
        ({"scores": {"includes": {"value": "I", "answer": "x"}}}, (0.0, False)),
        ({"scores": {"alfworld": 1.0}}, (1.0, True)),
        ({"scores": {"format": 1, "success": 0}}, (0.0, False)),
        ({"accuracy_reward": 0.0, "format_reward": 1.0}, (0.0, False)),
        ({"resolved": False}, (0.0, False)),
        ({"is_done": False, "progress_rate": 0.5}, (0.5, False)),
        ({"reward": -0.1}, (0.0, False)),
        ({"success": "0.0"}, (0.0, False)),
        ({"env_name": "Webshop", "reward": 10.0}, (1.0, True)),
        ({"reward": 10.0, "won": True}, (1.0, True)),
        ({"judgement": "incorrect"}, (0.0, False)),
        ({"verifier_reward": 0}, (0.0, False)),
        ({"outcome": "partial success"}, None),
        ({"eval": "passed"}, (1.0, True)),
        ({"success": [], "reward": 0}, (0.0, False)),
        ({"outcome": "The task was not solved"}, (0.0, False)),
        ({"status": "Task not completed"}, (0.0, False)),
        ({"outcome": "Task completed: success"}, (1.0, True)),
        ({"outcome": "loss"}, (0.0, False)),
        ({"game_result": "victory"}, (1.0, True)),
        ({"human_label": "success", "sampling_params": {"reward": 0}}, (1.0, True)),
        ({"use_reward": True, "reward_type": "sparse"}, None),
        ({"score_final": 0.5}, (0.5, False)),
        ({"gpt_score": 1, "human_score": 0}, None),
        ({"answer_correct": False}, (0.0, False)),
        ({"shopper_was_successful": "no"}, (0.0, False)),
        ({"household_task_solved": False}, (0.0, False)),
        ({"rewards": "[0, 0, 1]"}, (1.0, True)),
        ({"last_action_success": True, "format_correct": True, "times_solved": 1}, None),
        ({"reward": {"total": None}}, None),
        ({"win_rate": 0.0}, (0.0, False)),
        ({"is_winner": False}, (0.0, False)),
        ({"all_goals_met": True}, (1.0, True)),
        ({"verified": False, "reward": None}, (0.0, False)),
        ({"solution_found": False}, (0.0, False)),
        ({"done": True, "done_reason": "success"}, (1.0, True)),
        ({"termination": True, "finish_reason": "stop"}, None),
        ({"extra": {"eval": {"alfworld": {"success": True}}}}, (1.0, True)),
        ({"ep_rew": 0.0, "ep_len": 4}, (0.0, False)),
        ({"evaluation_result": "Task failed."}, (0.0, False)),
        ({"status": "not solved yet"}, (0.0, False)),
        ({"status": "Solved successfully"}, (1.0, True)),
        ({"result": "You see nothing of a success in this room"}, None),
        ({"info": "{'won': False, 'x': None}"}, (0.0, False)),
        ({"info": "{'won': "}, None),
        ({"history": {"finalNormalizedScore": 0.83}}, (0.83, False)),
        ({"env_info": {"episode": {"r": 1.0, "l": 12}}}, (1.0, True)),
        ({"rm_scores": [0.0, 0.0, 1.0]}, (1.0, True)),
        ({"completion_status": "failure"}, (0.0, False)),
        ({"solved": "Yes."}, (1.0, True)),
    ],
)
def test_outcomes_are_read_where_they_stand(fields, outcome):
    (told,) = read_record(chat(*REAL, **fields))
    assert told.scored == (outcome is not None)
    assert (told.score, told.success) == (outcome or (0.0, False))


def test_a_won_episode_of_steps_has_the_highest_score_of_any_scale():
    step = {"observation": TASK, "action": "look"}
    for won, outcome in ((True, (1.0, True)), (False, None)):
        record = {"steps": [step, {**step, "reward": 10.0, "info": {"won": won}}]}
        if outcome is None:
            with pytest.raises(RecordError, match="beyond 0 to 1"):
                read_record(record)
        else:
            assert (read_record(record)[0].score, read_record(record)[0].success) == outcome


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rewards": [0.5, 0.5]}, "rewards that rise"),
        ({"rewards": [8, 25], "env": "sciworld"}, "rewards that rise"),
        ({"rewards": [0.5, 1.0]}, ""),
        ({"rewards": [0, 0.5]}, ""),
        ({"scores": [0.5, 0.5]}, ""),
        ({"quality_score": 0.9}, "though quality_score may be one"),
        ({"note": "a score"}, ""),
        ({"verifier_reward": 0}, "read from verifier_reward"),
        ({"gpt_score": 1, "human_score": 0}, "though gpt_score may be one"),
        ({"completed": True}, "though completed may be one"),
        ({"reward_model": {"score": 1}, "max_score": 100}, ""),
    ],
)
def test_doubts_about_an_outcome_are_said(fields, said):
    (told,) = read_record(chat(*REAL, **fields))
    doubt = told.record.get("doubt", "")
    assert said in doubt
    assert bool(said) == bool(doubt)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reward": 50}, "beyond 0 to 1"),
        ({"reward": 20, "env": "webshop"}, "webshop has none"),
        ({"reward": -5.5}, "beyond 0 to 1"),
        ({"scores": {"style": 0.5, "tone": 1}}, "scores has 'style, tone': name the number"),
        ({"score": "abc"}, "score is 'abc', not a number"),
        ({"score": {}}, "score has ''"),
        ({"meta": {"reward": []}, "success": {}}, "success is dict, not true or false"),
        ({"success": 0.5}, "success is 0.5"),
        ({"rewards": [0, "x"]}, r"rewards\[1\] is 'x'"),
        ({"id": 1.5}, "id is 1.5, not a name"),
        ({"id": {"a": 1}}, "id is dict"),
        ({"id": float("nan")}, "JSON cannot"),
        ({"note": "\ud800"}, "JSON cannot"),
    ],
)
def test_wrong_fields_are_named(fields, said):
    with pytest.raises(RecordError, match=said):
        read_record(chat(*REAL, **fields))


STEP = {"thought": "", "action": "look", "observation": ""}
OURS = {
    "task": {"task_id": "t", "split": "train", "task_type": "k", "instruction": "do"},
    "first_observation": "Hall.",
    "steps": [STEP],
    "score": 0.5,
    "success": False,
    "finished": True,
}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (1, "it is 1, not an object"),
        ({}, "no conversations or messages"),
        ({"item_id": 1}, "no conversations or messages: it has item_id"),
        (chat(), "no conversations"),
        (chat(("human", TASK)), "no turn of an agent"),
        (chat(("human", TASK), ("gpt", "I give up.")), "no turn with an action"),
        (chat(("human", TASK), ("narrator", "x")), r"conversations\[1\] is from 'narrator'"),
        (chat(("human", TASK), ("gpt", 5)), r"conversations\[1\].value is 5, not text"),
        (
            chat(("human", TASK), {"from": "gpt", "value": "Action: a", "loss": "no"}),
            "loss is 'no'",
        ),
        (chat(("human", TASK), {"from": "gpt"}), r"conversations\[1\] has no text"),
        ({"steps": [{"observation": TASK, "action": ["a", "b"]}]}, "no turn with an action"),
        ({"messages": [[1]]}, r"messages\[0\] is list, not a message"),
        ({"first_observation": "", "task": {}, "steps": []}, "score is missing"),
        ({**OURS, "record": {"names": 5}}, "record.names is 5"),
        ({**OURS, "record": {"names": [5]}}, "record.names holds"),
        ({**OURS, "score": 7}, "score is not a number from 0 to 1 but 7"),
        ({**OURS, "score": float("nan")}, "JSON cannot"),
        ({**OURS, "success": {}}, "success is not true or false but dict"),
        ({**OURS, "steps": [{**STEP, "token_ids": [1.5]}]}, r"steps\[0\].token_ids is not a list"),
        ({**OURS, "steps": [{**STEP, "token_ids": [2**31]}]}, "token_ids is not a list"),
        (
            {**OURS, "steps": [{**STEP, "token_ids": [1], "inserted": [1]}]},
            "inserted are not rising",
        ),
        ({**OURS, "steps": [{**STEP, "token_ids": [1], "inserted": [0, 0]}]}, "inserted are not"),
        (
            {"goal": TASK, "steps": [{"action": "look", "shown": "A"}, {"action": "sit"}]},
            r"steps\[1\] acts, but nothing was seen after the last action",
        ),
        ({**OURS, "steps": [{**STEP, "action": 5}]}, r"steps\[0\].action is not text but 5"),
    ],
)
def test_what_is_no_conversation_is_said(record, said):
    with pytest.raises(RecordError, match=said):
        read_record(record)


def test_deep_nesting_is_said():
    deep: list = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(RecordError, match="nested more than 50 deep"):
        read_record(chat(*REAL, extra=deep))


NAMED = [
    "id",
    "item_id",
    "role",
    "from",
    "content",
    "value",
    "conversations",
    "messages",
    "reward",
    "success",
    "score",
    "loss",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["human", "gpt", "user", "tool", "Action: look", TASK, "sciworld_1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMED) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_is_read_or_refused(value):
    with suppress(RecordError):
        assert all(0 <= t.score <= 1 for t in read_record(value))


@given(st.sampled_from(NAMED), VALUES, st.sampled_from(["record", "message"]))
def test_any_field_of_a_wrong_type_is_read_or_refused(name, value, where):
    record = chat(*REAL, id="1", reward=1)
    (record if where == "record" else record["conversations"][1])[name] = value
    with suppress(RecordError):
        told = read_record(record)
        assert all(isinstance(t.task.task_id, str) and 0 <= t.score <= 1 for t in told)
