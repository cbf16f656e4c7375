"""Records of every published form: what was said, and by whom."""

import json

import pytest

from tests.trajectory.reading.chats import CALL, TASK, actions, chat
from tratree.external_data import external_data
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record


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
